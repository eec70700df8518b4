"""The suite has teeth: every variant is killed, every scenario kills; and the matrix says so where it is not so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commanding import Command

from harness.conformance import kill_matrix as module
from harness.conformance.adapters.refimpl import variants
from harness.conformance.kill_matrix import Variant, kill_matrix
from harness.conformance.scenario import available, find

FEW = 40


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_every_variant_is_killed_by_its_rule_and_every_scenario_kills(loadloom: Command):
    ran = loadloom("kill-matrix", "--quick", "--format", "json")
    said = json.loads(ran.out)
    assert said["problems"] == []
    assert ran.code == 0
    assert [variant["name"] for variant in said["variants"]] == [f"refimpl:{name}" for name in variants()]
    assert said["scenarios"] == list(available())


@pytest.mark.slow
def test_whole_matrix(loadloom: Command):
    ran = loadloom("kill-matrix", "-j", "2")
    assert ran.code == 0, ran.out


# -- what is wrong is said --------------------------------------------------------------------------------------


def problems(*variants: Variant, scenario: str = "one-job", **options) -> list[str]:
    return kill_matrix(variants, [find(scenario)], executions=FEW, **options).problems


def test_a_variant_that_survives_is_wrong():
    assert "refimpl survives every scenario" in problems(Variant("refimpl", "C1", "one-job"))


def test_a_variant_that_is_killed_by_another_rule_than_its_own_is_wrong():
    found = problems(Variant("refimpl:finished-after-state", "C2", "one-job"))
    assert found == [
        "refimpl:finished-after-state is made to break C2 in one-job, and breaks C3 there",
    ]


@pytest.mark.parametrize("quick", [False, True])
def test_a_scenario_that_kills_nothing_is_wrong(quick: bool):
    late = Variant("refimpl:late-write", "C4", "shared-wakeup")
    assert problems(late, scenario="single-thread", quick=quick) == ["scenario single-thread kills nothing"]


def test_a_reference_loader_that_is_broken_itself_is_wrong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "REFERENCE", "refimpl:finished-after-state")
    found = problems(Variant("refimpl:late-write", "C4", "one-job"))
    assert found == ["refimpl:finished-after-state itself breaks C3 in one-job: kills there say nothing"]


def test_a_part_of_the_variants_says_nothing_about_the_scenario():
    late = Variant("refimpl:late-write", "C4", "shared-wakeup")
    assert problems(late, scenario="single-thread", every_variant=False) == []


def test_wrong_exits_1_and_is_printed(loadloom: Command, tmp_path: Path):
    file = tmp_path / "toothless.py"
    file.write_text(
        "from harness import Scenario, succeeds\n"
        "x = Scenario('No rule that applies.', jobs=[succeeds('a')], workers=0, sequential=True, rules=('C8',))\n"
    )
    ran = loadloom("kill-matrix", str(file), "--max-executions", "5")
    assert ran.code == 1
    assert "WRONG scenario toothless kills nothing" in ran.lines
    assert ran.lines[-1].startswith("kill matrix: 1 wrong (")


# -- the command ------------------------------------------------------------------------------------------------


def test_a_row_for_each_variant_and_a_sign_for_each_scenario(loadloom: Command):
    ran = loadloom(
        "kill-matrix", "one-job", "single-thread", "--variant", "late-write", "--variant", "finished-after-state",
        "--max-executions", "20",
    )  # fmt: skip
    assert ran.code == 0
    assert ran.lines[:3] == [
        "                              12",
        "refimpl:late-write            #.  C4: killed by 1 of 2",
        "refimpl:finished-after-state  ##  C3: killed by 2 of 2",
    ]


def test_processes_change_nothing_in_the_result(loadloom: Command):
    asked = ("kill-matrix", "one-job", "--variant", "late-write", "--max-executions", "20", "--format", "json")
    assert loadloom(*asked, "-j", "2").out == loadloom(*asked).out


def test_shards_together_are_the_whole(loadloom: Command):
    names = ["one-job", "retried", "single-thread", "terminal-failure"]
    asked = (*names, "--variant", "finished-after-state", "--max-executions", "1", "--format", "json")
    shards = [json.loads(loadloom("kill-matrix", *asked, "--shard", f"{i}/3").out)["scenarios"] for i in (1, 2, 3)]
    assert sorted(name for shard in shards for name in shard) == names


def test_markdown_has_the_rules(loadloom: Command, tmp_path: Path):
    file = tmp_path / "matrix.md"
    asked = ("kill-matrix", "one-job", "--variant", "late-write", "--max-executions", "20")
    assert loadloom(*asked, "--markdown", str(file)).code == 0
    assert "| refimpl:late-write | C4 | **C4** C12 run |" in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--shard", "4"), "--shard 4: say I/N"),
        (("--shard", "3/2"), "--shard 3/2: say I/N"),
        (("--shard", "0/2"), "--shard 0/2: say I/N"),
        (("one-job", "--shard", "2/2"), "there is nothing in it; 1 scenarios make 1 shards"),
        (("--variant", "nope"), "no variant 'nope' of refimpl; there are "),
        (("nope",), "no scenario 'nope'; there are "),
        (("--markdown", "/nowhere/x.md"), "/nowhere/x.md cannot be written: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(loadloom: Command, arguments: tuple[str, ...], complaint: str):
    ran = loadloom("kill-matrix", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("loadloom: ")
    assert complaint in ran.err
    assert ran.err.count("\n") == 1
