"""Scenarios and adapters that an installed package brings along."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCENARIO = """
from harness import Scenario, succeeds

burst = Scenario({title!r}, jobs=[succeeds("a")], observer=True)
"""
ADAPTER = """
from harness.conformance.adapters.refimpl import Refimpl


class Adapter(Refimpl):
    def __init__(self):
        super().__init__("finished-after-state")
        self.version = "7.1"
"""
FILES = {
    "acme_loom/__init__.py": "raise RuntimeError('listing must not import this')",
    "acme_loom_scenarios/__init__.py": "",
    "acme_loom_scenarios/burst.py": SCENARIO.format(title="A burst."),
    "acme_loom_scenarios/_hidden.py": "1/0",
    "acme_loom_lone.py": SCENARIO.format(title="Alone."),
    "acme_loom_adapter.py": ADAPTER,
}
ENTRY_POINTS = """
[loadloom.scenarios]
acme = acme_loom_scenarios
solo = acme_loom_lone

[loadloom.adapters]
acme = acme_loom_adapter:Adapter
nameless = acme_loom_adapter
absent = acme_loom_nowhere:Adapter
"""


def wheel(folder: Path, name: str, files: dict[str, str], entry_points: str) -> Path:
    """A wheel, as any build tool makes one."""
    info = f"{name}-1.0.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        record = ""
        for member, text in content.items():
            archive.writestr(member, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{member},sha256={digest},{len(text)}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package."""
    folder = tmp_path_factory.mktemp("acme")
    install(folder / "site", wheel(folder, "acme_loom", FILES, ENTRY_POINTS))
    return folder / "site"


def install(site: Path, package: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, package]
    subprocess.run(command, check=True, timeout=120, capture_output=True)


def loadloom(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        capture_output=True, text=True, timeout=120, cwd=site, env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip


def names(site: Path, kind: str) -> list[str]:
    return [entry["name"] for entry in json.loads(loadloom(site, "list", kind, "--format", "json").stdout)["entries"]]


def test_scenarios_of_an_installed_package_are_listed_under_its_name(site: Path):
    listed = names(site, "scenarios")
    assert "one-job" in listed
    assert [name for name in listed if "." in name] == ["acme.burst", "solo.acme-loom-lone"]


def test_adapters_of_an_installed_package_are_listed(site: Path):
    assert {"acme", "nameless", "absent"} <= set(names(site, "implementations"))


def test_an_installed_adapter_in_an_installed_scenario_fails_and_replays(site: Path):
    ran = loadloom(site, "verify", "acme", "acme.*", "--max-executions", "5")
    assert ran.returncode == 1, ran.stderr
    assert "[C3] " in ran.stdout
    assert "acme 7.1, scenario acme.burst" in ran.stdout
    replay = next(line for line in ran.stdout.splitlines() if line.startswith("  replay:")).split()[1:]
    assert replay[2].startswith("acme/acme.burst/")
    assert len(replay) == 3  # its scenario is found by name
    assert loadloom(site, *replay[1:]).returncode == 1


def test_they_are_not_run_unless_asked_for(site: Path):
    ran = loadloom(site, "verify", "refimpl", "--max-executions", "1")
    assert "one-job" in ran.stdout
    assert "acme" not in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nameless",), "nameless: the entry point 'acme_loom_adapter' names no adapter, as in package.module:Adapter"),
        (("absent",), "absent: no module 'acme_loom_nowhere' here or among the installed packages"),
        (("refimpl", "acme.x*"), "no scenario is like 'acme.x*'; there are "),
        (("refimpl", "acme.hidden"), "no scenario 'acme.hidden'; there are "),
        (("nope",), "no implementation 'nope'; there are refimpl, "),
    ],
)
def test_what_leads_nowhere_is_one_line(site: Path, arguments: tuple[str, ...], complaint: str):
    ran = loadloom(site, "verify", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert complaint in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_two_packages_under_one_name_are_refused(site: Path, tmp_path: Path):
    twin = tmp_path / "twin"
    install(twin, wheel(tmp_path, "twin_loom", {"twin_loom.py": ""}, "[loadloom.adapters]\nacme = twin_loom:Adapter\n"))
    ran = subprocess.run(
        [sys.executable, "-m", "harness", "verify", "acme"],
        capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{twin}"},
    )  # fmt: skip
    assert ran.returncode == 2
    assert "two installed packages bring adapters of the name 'acme': " in ran.stderr


def test_scenarios_that_are_nowhere_are_named(tmp_path: Path):
    points = "[loadloom.scenarios]\nlost = lost_loom.scenarios\n"
    install(tmp_path / "site", wheel(tmp_path, "lost_loom", {}, points))
    ran = loadloom(tmp_path / "site", "list", "scenarios")
    assert ran.returncode == 2
    assert "scenarios 'lost': lost_loom.scenarios cannot be found: No module named 'lost_loom'" in ran.stderr
