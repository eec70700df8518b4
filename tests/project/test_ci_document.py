"""docs/ci.md: its jobs are run here as far as they can be, and its settings and commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.commands.settings import settings

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
(TOML,) = [text for language, text in BLOCKS if language == "toml"]
(SHELL,) = [text for language, text in BLOCKS if language == "sh"]
GITHUB, GITLAB = [text for language, text in BLOCKS if language == "yaml"]
ADAPTER = "from harness.conformance.adapters.refimpl import Refimpl\n\nclass Adapter(Refimpl):\n    {}\n"
SCENARIO = "from harness import Scenario, succeeds\n\nx = Scenario('Ours.', jobs=[succeeds('a')], observer=True)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the settings of the document, and a loader that holds."""
    write(tmp_path, "pass")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "ours.py").write_text(SCENARIO)
    (tmp_path / "pyproject.toml").write_text(TOML.replace('"one-job", "shared-wakeup", "retried"', '"single-thread"'))
    return tmp_path


def write(project: Path, body: str) -> None:
    (project / "myloader").mkdir(exist_ok=True)
    (project / "myloader" / "loom.py").write_text(ADAPTER.format(body))


def run(line: str, project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of a job, in a shell, with `loadloom` on the path."""
    tools = project / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "loadloom").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n')
    (tools / "loadloom").chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    mine = {name: value for name, value in os.environ.items() if name not in ("LOADLOOM_TOKENS", "GITHUB_STEP_SUMMARY")}
    return subprocess.run(
        line, shell=True, cwd=project, capture_output=True, text=True, timeout=120,
        env={**mine, "PATH": path, **environment},
    )  # fmt: skip


def commands(job: str) -> list[str]:
    return re.findall(r"^ +- (?:run: )?(loadloom .*)$", job, re.MULTILINE)


def test_settings_of_the_document_are_settings(project: Path):
    found = settings(project)
    assert found.implementation == "myloader.loom:Adapter"
    assert (found.jobs, found.within, found.report) == (2, 600, "loadloom-report")


def test_every_setting_is_named():
    named = set(re.findall(r"^([a-z-]+) = ", TOML, re.MULTILINE)) | set(re.findall(r"`([a-z-]+)`", TEXT))
    assert {field.replace("_", "-") for field in settings(Path("/")).__struct_fields__} <= named


def test_jobs_of_github_shard_and_merge(project: Path):
    verify, merge = commands(GITHUB)
    summary = project / "summary.md"
    codes = []
    for number, shard in enumerate(("1/2", "2/2")):
        assert shard in GITHUB
        line = verify.replace("${{ matrix.shard }}", shard)
        codes.append(run(line, project, GITHUB_STEP_SUMMARY=str(summary)).returncode)
        (project / "loadloom-report").rename(project / f"report-{number}")
    assert codes == [0, 0]
    merged = run(merge, project)
    assert merged.returncode == 0, merged.stderr
    assert summary.read_text().count("# myloader.loom:Adapter 0.1.0: ") == 2
    assert "single-thread" in merged.stdout
    assert "ours" in merged.stdout


def test_job_of_gitlab(project: Path):
    (line,) = commands(GITLAB)
    ran = run(line, project, CI_NODE_INDEX="2", CI_NODE_TOTAL="2")
    assert ran.returncode == 0, ran.stderr
    assert (project / "loadloom-report" / "junit.xml").exists()
    assert "junit: loadloom-report/junit.xml" in GITLAB


def test_known_findings_are_accepted_by_the_commands_of_the_document(project: Path):
    write(project, "def __init__(self): super().__init__('finished-after-state')")
    find, accept, check = SHELL.splitlines()
    assert run(find, project).returncode == 1
    assert run(accept, project).returncode == 0
    assert run(check, project).returncode == 0
    write(project, "def __init__(self): super().__init__('wakeup-before-state')")
    other = run(check, project)
    assert other.returncode == 1
    assert "NEW: C2/" in other.stdout
    assert "GONE: C3/" in other.stdout


def test_documents_that_are_linked_to_exist():
    docs = Path(__file__).resolve().parents[2] / "docs"
    for name in ("ci.md", "versions.md"):
        links = re.findall(r"\]\(([^)#]+)\)", (docs / name).read_text(encoding="utf-8"))
        assert [link for link in links if "://" not in link and not (docs / link).exists()] == []
