"""Reductions on random programs, against an interpreter that knows nothing of them and against plain search."""

from __future__ import annotations

import os

import pytest
import random_programs as rp
import rich_programs as rich
from oracle import Oracle

from harness.search import Bounded, Dfs, Dpor

SEED = int(os.environ.get("LOADLOOM_TEST_SEED", "0"))
"""Where the seeds start; printed with every failure."""
YARDSTICK = 800
"""Programs with more schedules than this are left out where plain search has to finish."""
EXECUTIONS = 3000
STATES = 30_000
"""Programs with more traces or states than this are left out."""

FAMILIES = {
    "memory": rp.MEMORY,
    "locks": rp.MEMORY + rp.LOCKS,
    "blocking": rp.MEMORY + rp.BLOCKING,
    "timed": (*rp.MEMORY, *rp.TIMED, "release", "event-set"),
    "conditions": (*rp.CONDITIONS, "read", "write"),
    "other": rp.MEMORY + rp.OTHER,
    "all": rp.ALL,
}


def check_outcomes(family: str, seed: int, most: int, timeouts: int = 1) -> bool:
    """Whether the program was small enough to check; asserts that `dpor` ends in the states that there are."""
    actions = rp.generate(seed, tuple(kind for kind in FAMILIES[family] if kind != "poll"), most=most)
    truth = Oracle(actions, budget=timeouts, most=STATES).outcomes()
    found = rp.run(rp.Program(actions), Dpor(), timeouts=timeouts, most=EXECUTIONS)
    if truth is None or not found.exploration.complete:
        return False
    seen = set()
    for ending, memory, notes, failures in found.outcomes:
        crashed = tuple(int(where.partition("-")[2]) for kind, where in failures if kind == "exception")
        seen.add((ending != "finished", memory, notes, crashed))
    assert seen == truth, f"family {family}, seed {seed}, {timeouts} time-outs: {actions}"
    if family in ("memory", "locks", "blocking", "conditions"):
        assert found.exploration.cut == 0, f"family {family}, seed {seed}: {actions}"
    return True


def check_traces(family: str, seed: int) -> bool:
    """Whether the program was small enough for plain search; asserts one execution a trace, and none missed."""
    program = rp.Program(rp.generate(seed, FAMILIES[family], most=5))
    every = rp.run(program, Dfs(), most=YARDSTICK, traces_too=True)
    if not every.exploration.complete:
        return False
    found = rp.run(program, Dpor(), traces_too=True)
    where = f"family {family}, seed {seed}: {program.actions}"
    assert found.outcomes == every.outcomes, where
    if family in ("memory", "locks", "blocking"):
        assert found.exploration.executions == len(found.traces), where  # none twice
        assert found.traces == every.traces, where
    assert found.traces <= every.traces, where  # a wait that expires when all else is in its past needs no other place
    return True


FAULT_FAMILIES = {
    "memory": rp.MEMORY + rp.FAULTS * 2,
    "locks": rp.MEMORY + rp.LOCKS + rp.FAULTS * 2,
    "blocking": rp.MEMORY + rp.BLOCKING + rp.FAULTS * 2,
    "timed": (*rp.MEMORY, *rp.TIMED, *rp.FAULTS),
}


def check_faults(family: str, faults: int, seeds: range, most: int) -> None:
    """`dpor` and plain search reach the same outcomes when places may break; and the same traces where it is exact."""
    checked = 0
    for seed in seeds:
        program = rp.Program(rp.generate(seed, FAULT_FAMILIES[family], most=4))
        exact = family in ("memory", "locks")
        every = rp.run(program, Dfs(), most=most, traces_too=exact, faults=faults)
        if not every.exploration.complete:
            continue
        checked += any("try" in kind or kind == "give-up" for task in program.actions for kind, _, _ in task)
        found = rp.run(program, Dpor(), traces_too=exact, faults=faults)
        where = f"family {family}, seed {seed}, {faults} faults: {program.actions}"
        assert found.exploration.complete, where
        assert found.outcomes == every.outcomes, where
        assert not exact or found.traces == every.traces, where
    assert checked >= len(seeds) // 10, "too few programs were small enough to say anything"


@pytest.mark.parametrize(("family", "faults"), [("memory", 2), ("locks", 1), ("blocking", 2), ("timed", 1)])
def test_dpor_finds_all_that_plain_search_finds_with_faults(family: str, faults: int) -> None:
    check_faults(family, faults, range(SEED, SEED + 12), 250)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("faults", [1, 2])
@pytest.mark.parametrize("family", FAULT_FAMILIES)
def test_dpor_finds_all_that_plain_search_finds_with_faults_at_length(family: str, faults: int, part: int) -> None:
    first = SEED + 20_000 + 50 * part
    check_faults(family, faults, range(first, first + 50), YARDSTICK)


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("family", FAMILIES)
def test_dpor_ends_in_the_states_that_there_are(family: str, part: int) -> None:
    checked = sum(check_outcomes(family, SEED + 1000 * part + n, most=8) for n in range(20))
    assert checked >= 14, "too few programs were small enough to say anything"


@pytest.mark.parametrize("timeouts", [0, 2])
def test_dpor_ends_in_the_states_that_there_are_with_other_budgets(timeouts: int) -> None:
    assert sum(check_outcomes("timed", SEED + 5000 + n, 7, timeouts) for n in range(30)) >= 20


@pytest.mark.parametrize("family", FAMILIES)
def test_dpor_runs_one_execution_of_each_trace_of_plain_search(family: str) -> None:
    checked = sum(check_traces(family, seed) for seed in range(SEED, SEED + 20))
    assert checked >= 3, "too few programs were small enough to say anything"


def check_rich(first: int, count: int, most: int) -> int:
    checked = 0
    for seed, program, outcomes in rich.small(first, count, most, Dfs, YARDSTICK):
        found, exploration = rich.run(program, Dpor(), EXECUTIONS)
        assert exploration.complete, f"seed {seed}: {program.actions}"
        assert found == outcomes, f"seed {seed}: {program.actions}"
        checked += 1
    return checked


@pytest.mark.parametrize("part", range(2))
def test_dpor_finds_all_that_plain_search_finds_with_every_primitive(part: int) -> None:
    assert check_rich(SEED + 1000 * part, 24, most=3) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("part", range(40))
def test_dpor_finds_all_that_plain_search_finds_with_every_primitive_at_length(part: int) -> None:
    check_rich(SEED + 200_000 + 40 * part, 40, most=5)


def test_a_queue_may_be_joined_before_anything_was_put() -> None:
    program = rich.Program([[("put", 0)], [("queue join", 0)]])
    outcomes, _ = rich.run(program, Dpor(), EXECUTIONS)
    assert {stuck for stuck, *_ in outcomes} == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(60))
@pytest.mark.parametrize("family", FAMILIES)
def test_dpor_ends_in_the_states_that_there_are_at_length(family: str, part: int) -> None:
    """60 parts x 7 families x 15 seeds: 6,300 programs of about ten operations."""
    for n in range(15):
        check_outcomes(family, SEED + 100_000 + 15 * part + n, most=10, timeouts=1 + part % 2)


@pytest.mark.parametrize("family", ["memory", "locks", "blocking"])
def test_bounded_counts_the_schedules_of_plain_search_with_few_preemptions(family: str) -> None:
    for seed in range(SEED, SEED + 15):
        program = rp.Program(rp.generate(seed, FAMILIES[family], most=4))
        preemptions: list[int] = []
        with rp.Runner(program) as runner:
            whole = rp.explore(
                runner, Dfs(), confirm=False, max_executions=YARDSTICK,
                visit=lambda execution, seen=preemptions: seen.append(execution.preemptions()),
            )  # fmt: skip
        if not whole.complete:
            continue
        for bound in (0, 1, 2):
            counted = rp.run(program, Bounded(bound, reduce=False)).exploration.executions
            assert counted == sum(n <= bound for n in preemptions), f"family {family}, seed {seed}, bound {bound}"


@pytest.mark.parametrize("family", ["memory", "locks", "blocking", "conditions"])
def test_bounded_loses_nothing_by_leaving_out_what_does_not_race(family: str) -> None:
    for seed in range(SEED, SEED + 12):
        program = rp.Program(rp.generate(seed, FAMILIES[family], most=4))
        for bound in (1, 2):
            whole = rp.run(program, Bounded(bound, reduce=False), most=YARDSTICK)
            if not whole.exploration.complete:
                continue
            reduced = rp.run(program, Bounded(bound))
            assert reduced.outcomes == whole.outcomes, f"family {family}, seed {seed}, bound {bound}"
            assert reduced.exploration.executions <= whole.exploration.executions
