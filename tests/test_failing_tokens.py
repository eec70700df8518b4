"""Failing tokens are kept, tried first the next time, and dropped once they fail no longer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commanding import Command

from harness.search.token import Token, parse

LATE = ("verify", "refimpl:late-write", "one-job")


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADLOOM_TOKENS", ".loadloom")
    monkeypatch.syspath_prepend(tmp_path)
    return Command(capsys)


def shelf() -> list[str]:
    return [each["token"] for each in json.loads(Path(".loadloom/failing.json").read_text())["failing"]]


def tokens(out: str) -> list[str]:
    return [finding["token"] for finding in json.loads(out)["findings"]]


def test_every_failing_token_is_kept_and_git_does_not_see_it(loadloom: Command):
    ran = loadloom(*LATE, "--max-executions", "20", "--format", "json")
    assert shelf() == sorted(set(tokens(ran.out)))
    assert Path(".loadloom/.gitignore").read_text() == "*\n"


def test_a_loader_that_holds_leaves_nothing_behind(loadloom: Command):
    loadloom("verify", "refimpl", "single-thread")
    assert not Path(".loadloom").exists()


def test_a_kept_token_shows_what_the_search_does_not_come_to(loadloom: Command):
    found = loadloom(*LATE, "--max-executions", "20", "--format", "json")
    again = loadloom(*LATE, "--max-executions", "1", "--format", "json")
    assert loadloom(*LATE, "--max-executions", "1", "--no-tokens").code == 3
    assert again.code == 1
    assert sorted(tokens(again.out)) == sorted(tokens(found.out))
    said = json.loads(again.out)
    assert {finding["found_in"] for finding in said["findings"]} == {0}
    rules = said["scenarios"][0]["rules"]
    assert {rule["rule"] for rule in rules if rule["verdict"] == "BROKEN"} == {"C12", "C4", "run"}
    assert "found:    by a token kept from an earlier run" in "\n".join(said["findings"][0]["story"])


def test_kept_tokens_change_nothing_in_what_a_search_finds_by_itself(loadloom: Command):
    asked = (*LATE, "--max-executions", "20", "--format", "json")
    assert loadloom(*asked).out == loadloom(*asked).out


def test_a_token_that_fails_no_longer_is_dropped_with_a_line(loadloom: Command):
    loadloom(*LATE, "--max-executions", "20")
    kept = shelf()
    text = Path(".loadloom/failing.json").read_text()
    for token in kept:  # as if the variant had been mended: the same schedules, of the loader that holds
        read = parse(token)
        mended = Token("refimpl", read.scenario, read.schedule, read.timeouts, "")
        text = text.replace(token, str(mended))
    Path(".loadloom/failing.json").write_text(text)
    ran = loadloom("verify", "refimpl", "one-job")
    assert ran.code == 0
    dropped = [line for line in ran.err.splitlines() if "a kept token is dropped, " in line]
    assert len(dropped) == len(kept)
    assert all(line.startswith("loadloom: a kept token is dropped, it ") for line in dropped)
    assert shelf() == []


def test_tokens_of_other_loaders_and_scenarios_stay(loadloom: Command):
    loadloom(*LATE, "--max-executions", "20")
    kept = shelf()
    loadloom("verify", "refimpl", "single-thread")
    loadloom("verify", "refimpl:finished-after-state", "single-thread")
    assert set(kept) < set(shelf())


def test_a_token_of_a_scenario_file_finds_it_again(loadloom: Command):
    Path("mine.py").write_text(
        "from harness import Scenario, succeeds\nx = Scenario('Mine.', jobs=[succeeds('a')], observer=True)\n"
    )
    loadloom("verify", "refimpl:late-write", "./mine.py", "--max-executions", "20")
    again = loadloom("verify", "refimpl:late-write", "./mine.py", "--max-executions", "1")
    assert (again.code, again.err) == (1, "")


@pytest.mark.parametrize("content", ["{", '{"format": 7}', '{"format": 1, "failing": [{"token": 3}]}'])
def test_a_damaged_file_is_said_and_started_afresh(loadloom: Command, content: str):
    Path(".loadloom").mkdir()
    Path(".loadloom/failing.json").write_text(content)
    ran = loadloom(*LATE, "--max-executions", "20")
    assert ran.code == 1
    assert ran.err.startswith("loadloom: .loadloom/failing.json: ")
    assert ran.err.endswith("; starting afresh\n")
    assert shelf()


def test_a_damaged_token_is_left_alone(loadloom: Command):
    Path(".loadloom").mkdir()
    Path(".loadloom/failing.json").write_text('{"format": 1, "failing": [{"token": "nonsense"}]}')
    assert loadloom("verify", "refimpl", "single-thread").code == 0


def test_a_folder_that_cannot_be_made_is_one_line(loadloom: Command):
    Path(".loadloom").write_text("")
    ran = loadloom(*LATE, "--max-executions", "20")
    assert ran.code == 2
    assert ran.err == "loadloom: failing tokens cannot be kept in .loadloom: File exists\n"
