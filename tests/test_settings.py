"""``[tool.loadloom]``: taken where the command line says nothing, and refused where it makes no sense."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from commanding import Command

from harness.commands import verify
from harness.commands.settings import Settings, settings
from harness.errors import UsageError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str, head: str = "[tool.loadloom]\n") -> Path:
        (tmp_path / "pyproject.toml").write_text(head + text)
        return tmp_path

    return write


def test_without_a_file_the_defaults_hold(tmp_path: Path):
    assert settings(tmp_path) == Settings()


def test_a_file_without_the_table_says_nothing(project):
    assert settings(project("", head="[project]\nname = 'x'\n")) == Settings()


def test_everything_that_the_command_takes_can_be_set():
    options = set(verify.verify.__annotations__)
    renamed = {"impl": "implementation"}
    only_given = {"shard", "no_tokens", "output", "return"}  # of one job, of one call
    assert {renamed.get(name, name) for name in options - only_given} == {
        field.name for field in msgspec.structs.fields(Settings)
    }


def test_settings_are_used(project, capsys: pytest.CaptureFixture[str]):
    project("implementation = 'refimpl:late-write'\nscenarios = ['one-job']\nmax-executions = 7\nreport = 'out'\n")
    ran = Command(capsys)("verify", "--format", "json")
    said = json.loads(ran.out)
    assert said["implementation"]["name"] == "refimpl:late-write"
    assert [(each["name"], each["executions"]) for each in said["scenarios"]] == [("one-job", 7)]
    assert Path("out/report.json").exists()


def test_the_command_line_wins(project, capsys: pytest.CaptureFixture[str]):
    project("implementation = 'refimpl:late-write'\nscenarios = ['one-job']\nmax-executions = 7\n")
    ran = Command(capsys)("verify", "refimpl", "single-thread", "--max-executions", "3", "--format", "json")
    said = json.loads(ran.out)
    assert said["implementation"]["name"] == "refimpl"
    assert [each["name"] for each in said["scenarios"]] == ["single-thread"]


def test_paths_are_seen_from_the_file(project, monkeypatch: pytest.MonkeyPatch):
    folder = project("report = 'out'\nbaseline = 'known.json'\nscenarios = ['one-job', 'mine/a.py']\n")
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "er")
    found = settings()
    assert found.report == "../../out"
    assert found.baseline == "../../known.json"
    assert found.tokens == "../../.loadloom"
    assert found.scenarios == ["one-job", "../../mine/a.py"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tiem-budget = 3", "[tool.loadloom] has an unknown key 'tiem-budget'; did you mean 'time-budget'?"),
        ("max_executions = 3", "unknown key 'max_executions'; did you mean 'max-executions'?"),
        ("zzz = 1", "unknown key 'zzz'; known are implementation, scenarios, "),
        ("seed = 'x'", "pyproject.toml: [tool.loadloom] seed: expected `int`, got `str`"),
        ("jobs = 0", "[tool.loadloom] jobs: expected `int` >= 1"),
        ("scenarios = [1]", "[tool.loadloom] scenarios[0]: expected `str`, got `int`"),
        ("strategy = 'fast'", "[tool.loadloom] strategy: there are dpor, "),
        ("seed = ", "cannot be read: "),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named_in_one_line(
    project, capsys: pytest.CaptureFixture[str], text: str, complaint: str
):
    project(text)
    ran = Command(capsys)("verify")
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


def test_a_table_that_is_none_is_refused(project):
    with pytest.raises(UsageError, match=r"tool.loadloom is not a table"):
        settings(project("[tool]\nloadloom = 3\n", head=""))
