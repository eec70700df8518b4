"""Strategies that sample: what a clean run may claim, and that a seed says it all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from published import together
from sampled import sampled

import harness
from harness import step
from harness.errors import UsageError
from harness.search.named import make_strategy

STRATEGIES = ("random", "pct", "surw")


def clean() -> None:
    together(lambda: step("x"), lambda: step("x"))


def lost_update() -> None:
    memory = [0]

    def add() -> None:
        step("x", "read")
        seen = memory[0]
        step("x")
        memory[0] = seen + 1

    together(add, add)
    assert memory[0] == 2


def logs(name: str, seed: int) -> list[tuple[int, ...]]:
    schedules = sampled(lost_update, make_strategy(name, max_executions=30, seed=seed), lambda e: tuple(e.log))
    return list(schedules.elements())


@pytest.mark.parametrize("name", STRATEGIES)
def test_samples_alone_claim_nothing(name: str) -> None:
    result = harness.explore(clean, strategy=name, max_executions=20)
    assert result.verdict is harness.Verdict.INCONCLUSIVE
    assert "sampled 20 " in result.reasons[0]


@pytest.mark.parametrize("name", STRATEGIES)
def test_who_accepts_samples_by_name_gets_bounds(name: str) -> None:
    result = harness.explore(clean, strategy=name, max_executions=20, seed=7, accept="sampled")
    assert result.verdict is harness.Verdict.BOUNDED
    assert result.bounds.startswith("sampled 20 ")
    assert result.bounds.endswith("seed 7")
    assert result.executions == 20


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_failure_is_broken_all_the_same(name: str) -> None:
    result = harness.explore(lost_update, strategy=name, accept="sampled")
    assert result.verdict is harness.Verdict.BROKEN
    assert result.failure is not None
    again = harness.replay(lost_update, result.failure.token)
    assert again.failure is not None
    assert again.failure.error == result.failure.error


@pytest.mark.parametrize(
    ("program", "options", "verdict"),
    [
        (clean, {"time_budget": 0}, "INCONCLUSIVE"),
        (clean, {"max_executions": 0}, "VACUOUS"),
        (lambda: together(int, int), {}, "VACUOUS"),
    ],
    ids=["out of time", "none", "nothing shared"],
)
def test_accepting_samples_accepts_nothing_else(program, options, verdict) -> None:
    assert str(harness.explore(program, strategy="pct", accept="sampled", **options).verdict) == verdict


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategy": "random", "accept": "all"}, "there is 'sampled'"),
        ({"accept": "sampled"}, "'dpor' does not sample"),
        ({"strategy": "bounded", "accept": "sampled"}, "'bounded' does not sample"),
        ({"strategy": "random", "depth": 2}, "'random' knows no depth"),
        ({"strategy": "pct", "depth": 0}, "1 or more"),
        ({"strategy": "pct", "preemptions": 1}, "no bound on preemptions"),
        ({"strategy": "dfs", "preemptions": 1}, "no bound on preemptions"),
    ],
    ids=str,
)
def test_an_argument_that_is_for_another_strategy_is_refused(options, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        harness.explore(clean, **options)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_seed_runs_the_same_schedules(name: str) -> None:
    assert logs(name, 1) == logs(name, 1)


@pytest.mark.parametrize("name", STRATEGIES)
def test_another_seed_runs_others(name: str) -> None:
    assert logs(name, 1) != logs(name, 2)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_order_of_sets_makes_no_difference(name: str) -> None:
    code = f"import test_sampling; print(test_sampling.logs({name!r}, 3))"
    here = Path(__file__)
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{here.parent}:{here.parents[2]}"},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1")
    ]  # fmt: skip
    assert said[0] == said[1] != ""


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_deadlock_is_found(name: str) -> None:
    def program() -> None:
        one, other = threading.Lock(), threading.Lock()

        def forwards() -> None:
            with one, other:
                pass

        def backwards() -> None:
            with other, one:
                pass

        together(forwards, backwards)

    result = harness.explore(program, strategy=name)
    assert result.failure is not None
    assert result.failure.kind == "deadlock"
