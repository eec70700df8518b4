"""Bad input: one clear line on stderr, exit 2, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from commanding import Command, blocks, replay_line

MINE = """
from harness import Scenario, succeeds

mine = Scenario("Mine.", jobs=[succeeds("a")], observer=True)
"""


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def refused(command: Command, *arguments: str) -> str:
    """What the command says of bad input, after the name."""
    ran = command(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("loadloom: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    return ran.err[len("loadloom: ") : -1]


@pytest.fixture
def token(loadloom: Command) -> str:
    ran = loadloom("verify", "refimpl:finished-after-state", "one-job", "--max-executions", "2")
    return replay_line(blocks(ran.out)[0]).split()[-1]


def test_unknown_implementation(loadloom: Command) -> None:
    assert "no implementation 'nope'; there are refimpl, " in refused(loadloom, "verify", "nope")


def test_a_scenario_in_the_place_of_the_implementation(loadloom: Command) -> None:
    assert refused(loadloom, "verify", "one-job").endswith("loadloom verify refimpl one-job")


def test_unknown_variant(loadloom: Command) -> None:
    assert "late-write" in refused(loadloom, "verify", "refimpl:nope")


def test_unknown_scenario(loadloom: Command) -> None:
    assert "no scenario 'nope'; there are " in refused(loadloom, "verify", "refimpl", "nope")


def test_missing_scenario_file(loadloom: Command, tmp_path: Path) -> None:
    assert "no such scenario file" in refused(loadloom, "verify", "refimpl", str(tmp_path / "none.py"))


def test_scenario_file_with_a_syntax_error(loadloom: Command, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("from harness import Scenario\n\nx = Scenario(\n")
    assert refused(loadloom, "verify", "refimpl", str(file)).startswith(f"{file}:3: not a scenario: ")


def test_scenario_file_that_fails(loadloom: Command, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("from harness import Scenario\nx = Scenario('No jobs.', jobs=[])\n")
    assert refused(loadloom, "verify", "refimpl", str(file)).startswith(f"{file}:2: not a scenario: ValueError: ")


def test_scenario_file_without_a_scenario(loadloom: Command, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("x = 1\n")
    assert "one Scenario or one family of them, this one 0" in refused(loadloom, "verify", "refimpl", str(file))


def test_adapter_in_a_module_that_is_not_there(loadloom: Command) -> None:
    assert "no module 'not_there_at_all'" in refused(loadloom, "verify", "not_there_at_all.adapter:Mine")


def test_adapter_module_that_needs_another(loadloom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy_adapter.py").write_text("import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    said = refused(loadloom, "verify", "needy_adapter:Mine")
    assert "needs the module 'nothing_of_this_name', which is not installed" in said


def test_adapter_that_is_none(loadloom: Command) -> None:
    assert "module json has no 'Mine'" in refused(loadloom, "verify", "json:Mine")
    assert "no adapter: it has no method world" in refused(loadloom, "verify", "json:JSONDecoder")


def test_adapter_that_fails_where_it_is_asked_what_it_sees(
    loadloom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blind_adapter.py").write_text(
        "from harness.conformance.adapters.refimpl import Refimpl, RefimplWorld\n"
        "class World(RefimplWorld):\n"
        "    def marker(self, name): raise KeyError(name)\n"
        "class Mine(Refimpl):\n"
        "    def world(self, scenario, root): return World(scenario, root)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    said = refused(loadloom, "verify", "blind_adapter:Mine", "one-job")
    assert "of the adapter raised KeyError: 'a'" in said


def test_adapter_that_fails(loadloom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_adapter.py").write_text(
        "class Mine:\n    def world(self, scenario, root):\n        raise KeyError('no such table')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    said = refused(loadloom, "verify", "failing_adapter:Mine", "one-job")
    assert said == "the adapter of failing_adapter:Mine could not get ready: KeyError: 'no such table'"


def test_no_token_at_all(loadloom: Command) -> None:
    assert "not a token: 'nonsense'" in refused(loadloom, "replay", "nonsense")


def test_damaged_token(loadloom: Command, token: str) -> None:
    head, _, tail = token.rpartition(".")
    assert "the token is damaged" in refused(loadloom, "replay", f"{head}x.{tail}")


def test_token_whose_scenario_was_exchanged(loadloom: Command, token: str) -> None:
    assert "the token is damaged" in refused(loadloom, "replay", token.replace("one-job", "shared-wakeup"))


def test_token_of_a_newer_format(loadloom: Command, token: str) -> None:
    said = refused(loadloom, "replay", token.replace("/1.", "/9."))
    assert "token version '9' is not known here" in said


def test_token_with_another_scenarios_file(loadloom: Command, token: str) -> None:
    from harness.conformance.scenario import available

    said = refused(loadloom, "replay", token, "--scenario", str(available()["retried"]))
    assert said == "the token is of scenario 'one-job', not of 'retried'"


def test_token_of_a_scenario_that_has_changed(loadloom: Command, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    ran = loadloom("verify", "refimpl:finished-after-state", str(file), "--max-executions", "2")
    words = replay_line(blocks(ran.out)[0]).split()[1:]
    assert words[-2:] == ["--scenario", str(file)]
    assert loadloom(*words).code == 1
    file.write_text(MINE.replace('[succeeds("a")]', '[succeeds("a"), succeeds("b")]'))
    said = refused(loadloom, *words)
    assert said.startswith("the token does not fit any more")
    assert "refimpl:finished-after-state 0.1.0, scenario mine" in said


def test_token_of_a_scenario_that_is_not_ours(loadloom: Command, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    ran = loadloom("verify", "refimpl:finished-after-state", str(file), "--max-executions", "2")
    words = replay_line(blocks(ran.out)[0]).split()[1:-2]
    assert "say where it is: --scenario FILE" in refused(loadloom, *words)


def test_accepting_samples_of_a_search_that_does_not_sample(loadloom: Command) -> None:
    assert "'dpor' does not sample" in refused(loadloom, "verify", "--accept", "sampled")


def test_depth_of_a_search_that_knows_none(loadloom: Command) -> None:
    assert "'surw' knows no depth; 'pct' does" in refused(loadloom, "verify", "--strategy", "surw", "--depth", "2")


def test_strategy_that_is_none(loadloom: Command) -> None:
    assert "'nope' is not one of" in refused(loadloom, "verify", "--strategy", "nope")


def test_command_that_is_none(loadloom: Command) -> None:
    assert refused(loadloom, "frob").startswith("No such command 'frob'")


def test_an_error_of_our_own_exits_4(loadloom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("harness.report.verification.implementation", broken)
    ran = loadloom("verify")
    assert ran.code == 4
    assert ran.err == "loadloom: internal error: RuntimeError: a bug; with LOADLOOM_TRACEBACK=1 it says where\n"
