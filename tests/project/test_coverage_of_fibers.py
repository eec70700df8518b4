"""Coverage as pyproject.toml sets it is exact for code that runs on fibers (measured in docs/decisions.md)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

coverage = pytest.importorskip("coverage")
HERE = Path(__file__).resolve().parent
SETTINGS = HERE.parent.parent / "pyproject.toml"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Lines of each file as coverage recorded them."""
    file = tmp_path_factory.mktemp("coverage") / "data"
    outer = ("COV_CORE", "COVERAGE_PROCESS")  # of a coverage run that measures us
    environment = {key: value for key, value in os.environ.items() if not key.startswith(outer)}
    environment["PYTHONPATH"] = str(HERE)
    settings = [f"--rcfile={SETTINGS}", f"--data-file={file}", f"--source={HERE}"]
    done = subprocess.run(
        [sys.executable, "-m", "coverage", "run", *settings, str(HERE / "fibers_run.py")],
        capture_output=True, text=True, cwd=file.parent, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    data = coverage.CoverageData(basename=str(file))
    for part in sorted(file.parent.glob("data*")):
        piece = coverage.CoverageData(basename=str(part))
        piece.read()
        data.update(piece)
    return data


@pytest.mark.parametrize("name", ["fibers_near.py", "fibers_far.py"])
def test_lines_recorded_are_exactly_those_that_ran(measured, name):
    path = HERE / name
    _name, statements, _excluded, _missing, _text = coverage.Coverage(data_file=None).analysis2(str(path))
    lines = path.read_text(encoding="utf-8").splitlines()
    ran = {number for number in statements if '"never"' not in lines[number - 1]}
    ran -= {number for number in statements if lines[number - 1].strip() == "else:"}
    assert set(measured.lines(str(path))) == ran
