"""``loadloom new``: what it writes works as it is, and nothing is written over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commanding import Command

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "write-a-scenario.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_a_new_scenario_holds_for_the_reference_loader_and_kills_a_variant(loadloom: Command):
    made = loadloom("new", "scenario", "two-tries")
    assert made.code == 0
    command = made.out.partition("Try it: loadloom ")[2].split()
    ran = loadloom(*command)
    assert ran.code == 0, ran.out
    assert ran.lines[1].startswith("two-tries ")
    killed = loadloom("kill-matrix", command[-1], "--variant", "late-write", "--quick")
    assert (killed.code, "kills 1 of 1" in killed.out) == (0, True)


def test_a_new_scenario_is_commented_and_says_how_to_run_it(loadloom: Command):
    loadloom("new", "scenario", "two_tries", "--in", "mine")
    text = Path("mine/two_tries.py").read_text()
    assert "loadloom verify refimpl mine/two_tries.py" in text
    assert text.count("    # ") >= 7
    assert "$" not in text


def test_the_document_shows_what_is_written(loadloom: Command):
    loadloom("new", "scenario", "two-tries")
    written = Path("scenarios/two_tries.py").read_text().partition('"""\n\n')[2]
    bare = re.sub(r"^ +#.*\n|^ +observer=False,\n", "", written, flags=re.MULTILINE)
    bare = re.sub(r"\n    jobs=\[\n(.*?)    \],", lambda m: f"\n    jobs=[{' '.join(m[1].split()).rstrip(',')}],", bare,
                  flags=re.DOTALL)  # fmt: skip
    (shown,) = [block for language, block in BLOCKS if language == "python"]
    assert shown == bare


def test_commands_of_the_document_are_those_that_are_tested_here(loadloom: Command):
    lines = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
    assert lines == [
        "loadloom new scenario two-tries",
        "loadloom verify refimpl scenarios/two_tries.py",
        "loadloom kill-matrix scenarios/two_tries.py",
        "loadloom verify package.module:Adapter scenarios/two_tries.py",
    ]


def test_nothing_is_written_over(loadloom: Command):
    loadloom("new", "scenario", "two-tries")
    Path("scenarios/two_tries.py").write_text("mine")
    ran = loadloom("new", "scenario", "two-tries")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "loadloom: scenarios/two_tries.py is there already; nothing was written\n"
    assert Path("scenarios/two_tries.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("one-job", "one-job is the name of a scenario already; its tokens would mean that one"),
        ("Two", "'Two' is no name: say it in small letters, digits and dashes, as in two-tries"),
        ("../x", "is no name"),
        ("1st", "is no name"),
        ("a--b", "is no name"),
    ],
)
def test_a_name_that_will_not_do_is_refused(loadloom: Command, name: str, complaint: str):
    ran = loadloom("new", "scenario", name)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_line(loadloom: Command):
    Path("scenarios").write_text("")
    ran = loadloom("new", "scenario", "two-tries")
    assert (ran.code, ran.err) == (2, "loadloom: scenarios cannot be made: File exists\n")
