"""The command, through the text and the exit codes that its users see."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commanding import Command, blocks, replay_line, shell, without_how_found

from harness.conformance.adapters.refimpl import Refimpl, variants
from harness.conformance.scenario import find

FEW = ("--max-executions", "40")
"""Enough for every variant's own rule to be found broken; far too few to finish."""

SCENARIO = """
from harness import Scenario, succeeds

mine = Scenario("Somebody's own.", jobs=[succeeds("a")], observer=True)
"""


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


# -- verdicts and exit codes ---------------------------------------------------------------------------------


def test_a_scenario_that_holds_exits_0_and_says_so_in_the_last_line(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl", "single-thread")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.lines[0].split()[:3] == ["scenario", "1", "ordering"]
    assert re.match(r"single-thread +PROVED +PROVED +PROVED +1 +\d", ran.lines[1])
    assert ran.lines[-1].startswith("refimpl 0.1.0: PROVED: every rule holds in every order (1 scenario, 1 execution,")


def test_bounds_are_named_where_the_search_had_any(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl", "one-job", "--preemptions", "0")
    assert ran.code == 0
    assert "BOUNDED: every rule holds as far as was searched: at most 0 preemptions" in ran.lines[-1]


@pytest.mark.parametrize("variant", sorted(variants()))
def test_each_variant_breaks_its_rule_in_its_scenario_and_exits_1(loadloom: Command, variant: str) -> None:
    made = Refimpl(variant)
    ran = loadloom("verify", f"refimpl:{variant}", made.scenario, *FEW)
    assert ran.code == 1
    heads = [block[0] for block in blocks(ran.out) if block[0].startswith(f"[{made.breaks}] ")]
    assert heads
    assert all(f"refimpl:{variant} 0.1.0, scenario {made.scenario}" in head for head in heads)
    assert ran.lines[-1].startswith(f"refimpl:{variant} 0.1.0: BROKEN: ")
    assert made.breaks in ran.lines[-1]


@pytest.mark.parametrize("variant", sorted(variants()))
def test_the_replay_command_prints_the_same_failure(loadloom: Command, variant: str) -> None:
    made = Refimpl(variant)
    ran = loadloom("verify", f"refimpl:{variant}", made.scenario, *FEW)
    block = next(block for block in blocks(ran.out) if block[0].startswith(f"[{made.breaks}] "))
    again = shell(replay_line(block))
    assert again.code == 1, again.err
    assert without_how_found(block) in blocks(again.out)


def test_a_failure_names_who_did_what_where(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl:state-before-marker", "shared-wakeup", *FEW)
    c1 = next(block for block in blocks(ran.out) if block[0].startswith("[C1]"))
    publish = next(line for line in c1 if "C1 is broken here" in line)
    assert re.search(r"> +\d+ +worker loadloom_0 +write +a\._state = completed +refimpl/job\.py:\d+ +<- ", publish)
    assert any(line.startswith("  expected: a marker for 'a' before anyone can see 'completed'") for line in c1)
    assert any(line.startswith("  seen:     state seen before its marker") for line in c1)
    assert any(re.search(r"\(\d+ other steps left out", line) for line in c1)


def test_a_preemption_is_marked_and_says_whose_turn_it_took(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl:late-write", "shared-wakeup", *FEW)
    c4 = next(block for block in blocks(ran.out) if block[0].startswith("[C4]"))
    marked = [line for line in c4 if re.match(r" +>?! +\d+ ", line)]
    assert marked
    assert all("<- preempts " in line for line in marked)


def test_each_cause_is_explained_once(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl:state-before-marker", "one-job", "shared-wakeup", "terminal-failure", *FEW)
    heads = [block[0].partition(":")[0] for block in blocks(ran.out) if block[0].startswith("[C1]")]
    assert heads == ["[C1] state seen before its marker"]
    assert "; also in " in ran.out


def test_a_budget_that_ran_out_is_inconclusive_and_exits_3(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl", "one-job", "--max-executions", "3")
    assert ran.code == 3
    assert "INCONCLUSIVE one-job: stopped after 3 executions (max_executions=3)" in ran.lines
    assert "INCONCLUSIVE" in ran.lines[-1]


def test_no_time_at_all_is_inconclusive(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl", "one-job", "--time-budget", "0")
    assert ran.code == 3
    assert "(time_budget)" in ran.out


def test_a_broken_rule_wins_over_a_budget_that_ran_out(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl:finished-after-state", "one-job", "--max-executions", "1")
    assert ran.code == 1
    assert "INCONCLUSIVE" in ran.lines[1]


def test_samples_prove_nothing(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl", "one-job", "--strategy", "random", "--max-executions", "5", "--seed", "7")
    assert ran.code == 3
    assert "5 executions" in ran.out
    assert "INCONCLUSIVE one-job: sampled 5 random schedules, seed 7" in ran.out


@pytest.mark.parametrize("strategy", ["random", "pct", "surw"])
def test_samples_will_do_for_who_says_so(loadloom: Command, strategy: str) -> None:
    few = ("--strategy", strategy, "--max-executions", "5", "--accept", "sampled")
    ran = loadloom("verify", "refimpl", "one-job", *few)
    assert ran.code == 0
    assert "BOUNDED: every rule holds as far as was searched: sampled 5 " in ran.lines[-1]


def test_one_thread_that_is_not_meant_to_be_alone_is_vacuous(loadloom: Command, tmp_path: Path) -> None:
    file = tmp_path / "alone.py"
    file.write_text(SCENARIO.replace("observer=True", "workers=0"))
    ran = loadloom("verify", "refimpl", str(file))
    assert ran.code == 3
    assert "VACUOUS alone: no two tasks ever did dependent operations; nothing was interleaved" in ran.lines


# -- output --------------------------------------------------------------------------------------------------


def test_json_has_what_the_text_has(loadloom: Command) -> None:
    ran = loadloom("verify", "refimpl:finished-after-state", "one-job", *FEW, "--format", "json")
    said = json.loads(ran.out)
    assert ran.code == said["exit_code"] == 1
    assert said["format"] == 1
    assert said["implementation"] == {"name": "refimpl:finished-after-state", "version": "0.1.0"}
    assert said["verdict"] == "BROKEN"
    (scenario,) = said["scenarios"]
    assert scenario["name"] == "one-job"
    assert [rule["rule"] for rule in scenario["rules"]] == [*find("one-job").rules, "run"]
    (finding,) = said["findings"]
    assert (finding["kind"], finding["rule"], finding["subject"]) == ("rule", "C3", "a")
    assert finding["replay"] == f"loadloom replay {finding['token']}"
    failing = finding["steps"][finding["step"] - 1]
    assert failing["number"] == finding["step"]
    assert failing["what"] == "a._state = completed"
    assert failing["site"].endswith(tuple("0123456789"))


def test_the_same_seed_gives_the_same_bytes(loadloom: Command) -> None:
    asked = ("verify", "refimpl:late-write", "shared-wakeup", "--strategy", "random", "--seed", "3")
    first = loadloom(*asked, "--max-executions", "25", "--format", "json")
    second = loadloom(*asked, "--max-executions", "25", "--format", "json")
    assert first.out == second.out


def test_a_replay_as_json_has_every_step(loadloom: Command) -> None:
    found = loadloom("verify", "refimpl:finished-after-state", "one-job", *FEW, "--format", "json")
    finding = json.loads(found.out)["findings"][0]
    ran = loadloom("replay", finding["token"], "--format", "json")
    said = json.loads(ran.out)
    assert ran.code == said["exit_code"] == 1
    assert said["steps"] == finding["steps"]
    assert [failure["rule"] for failure in said["failures"]] == ["C3"]
    assert said["ending"] == "finished"


def test_a_replay_lists_every_step_and_marks_the_failing_one(loadloom: Command) -> None:
    found = loadloom("verify", "refimpl:finished-after-state", "one-job", *FEW)
    ran = loadloom(*replay_line(blocks(found.out)[0]).split()[1:])
    steps = [line for line in ran.out.partition("\n[")[0].splitlines() if re.match(r"^ +[>!]* *\d+  ", line)]
    assert [int(re.sub(r"^[ >!]+", "", line).split()[0]) for line in steps] == list(range(1, len(steps) + 1))
    assert f"{len(steps)} steps, ended: finished" in ran.lines[0]
    assert len([line for line in steps if "C3 is broken here" in line]) == 1


def test_a_pipe_gets_no_colours_and_no_progress() -> None:
    ran = shell("loadloom verify refimpl:finished-after-state one-job --max-executions 5")
    assert "\x1b" not in ran.out + ran.err
    assert ran.err == ""


def test_colour_when_forced_and_none_with_no_color() -> None:
    line = "loadloom verify refimpl single-thread"
    assert "\x1b[32m" in shell(line, FORCE_COLOR="1", TERM="xterm-256color").out
    assert "\x1b[32m" not in shell(line, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1").out


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m harness verify refimpl:finished-after-state one-job --max-executions 5"
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "1"


INTERRUPTING = """
import os, signal
from harness.conformance.adapters.refimpl import Refimpl

class Mine(Refimpl):
    def world(self, scenario, root):
        world = super().world(scenario, root)
        if scenario.name == "one-job":
            world.lay_down = self.counted(world.lay_down)
        return world

    def counted(self, lay_down):
        calls = []
        def counting():
            calls.append(1)
            if len(calls) == 10:
                os.kill(os.getpid(), signal.SIGINT)
            lay_down()
        return counting
"""


def test_ctrl_c_says_what_was_not_finished(tmp_path: Path) -> None:
    (tmp_path / "interrupting.py").write_text(INTERRUPTING)
    done = subprocess.run(
        [sys.executable, "-m", "harness", "verify", "interrupting:Mine", "single-thread", "one-job", "retried"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr == "loadloom: interrupted; not finished: one-job, retried\n"
    assert re.match(r"single-thread +PROVED", done.stdout.splitlines()[1])
    assert "PROVED" not in done.stdout.splitlines()[-1]


# -- lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [("scenarios", "one-job"), ("rules", "C5"), ("implementations", "dlt"), ("variants", "refimpl:late-write")],
)
def test_list(loadloom: Command, kind: str, name: str) -> None:
    ran = loadloom("list", kind)
    assert ran.code == 0
    assert any(line.startswith(name + " ") for line in ran.lines)
    said = json.loads(loadloom("list", kind, "--format", "json").out)
    assert name in [entry["name"] for entry in said["entries"]]


def test_version(loadloom: Command) -> None:
    ran = loadloom("--version")
    assert (ran.code, ran.out) == (0, "loadloom 0.1.0\n")


def test_without_a_command_the_help_is_shown_and_it_is_a_usage_error() -> None:
    ran = shell("loadloom")
    assert ran.code == 2
    for name in ("verify", "orderings", "replay", "list", "load"):
        assert re.search(rf"^  {name} ", ran.out, re.MULTILINE)


def test_load_is_the_reference_loaders_own_command(loadloom: Command, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    ran = loadloom("load", str(tmp_path / "rows.csv"), "--to", "null://", "--state-dir", str(tmp_path / "state"))
    assert ran.code == 0
    missing = loadloom("load", str(tmp_path / "none.csv"), "--to", "null://")
    assert missing.code == 2
    assert missing.err.startswith("loadloom: ")
