"""The same steps, traces and tokens whether tasks are carried by fibers or by OS threads."""

from __future__ import annotations

import sys
from pathlib import Path

import greenlet
import pytest

import harness
from harness.runtime import Execution
from harness.search import Dpor, Random
from harness.search.explore import explore
from harness.search.runner import Runner

sys.path.insert(0, str(Path(__file__).parent.parent / "search"))

import published
import random_programs


def signatures(program: object, vehicle: str, strategy: object) -> list[object]:
    seen: list[object] = []

    def visit(execution: Execution) -> None:
        steps = tuple((s.task.key, s.kind, s.resource, s.outcome) for s in execution.steps)
        seen.append((execution.ending, steps, tuple(f.where for f in execution.failures)))

    with Runner(program, vehicle=vehicle) as runner:  # type: ignore[arg-type]
        explore(runner, strategy, confirm=False, visit=visit)  # type: ignore[arg-type]
    return seen


@pytest.mark.parametrize(
    "program",
    [published.control_flow, published.lock_order_inversion, published.last_zero(4), published.producer_consumer(3)],
    ids=["control_flow", "lock_order_inversion", "last_zero", "producer_consumer"],
)
def test_a_search_runs_the_same_executions_on_both(program: object) -> None:
    assert signatures(program, "fiber", Dpor()) == signatures(program, "thread", Dpor())


@pytest.mark.parametrize("part", range(4))
def test_random_programs_take_the_same_steps_on_both(part: int) -> None:
    for seed in range(part * 15, part * 15 + 15):
        program = random_programs.Program(random_programs.generate(seed, most=7))
        assert signatures(program, "fiber", Random(20)) == signatures(program, "thread", Random(20)), f"seed {seed}"


def test_a_token_of_one_replays_on_the_other() -> None:
    found = harness.explore(published.lock_order_inversion, vehicle="thread").failure
    assert found is not None
    again = harness.replay(published.lock_order_inversion, found.token, vehicle="fiber").failure
    assert again is not None
    assert again.error == found.error


@pytest.mark.parametrize(("vehicle", "threads"), [("fiber", 1), ("thread", 3)])
def test_each_task_owns_its_thread(vehicle: str, threads: int) -> None:
    roots: list[object] = []

    def look() -> None:
        here = greenlet.getcurrent()
        while here.parent is not None:
            here = here.parent
        roots.append(here)  # every OS thread has one of its own

    def program() -> None:
        look()
        published.together(look, look)

    harness.explore(program, vehicle=vehicle, max_executions=1)
    assert len({id(root) for root in roots[-3:]}) == threads


def test_an_unknown_vehicle_is_refused() -> None:
    with pytest.raises(harness.UsageError, match="no vehicle 'bus'; there are fiber, thread"):
        harness.explore(published.control_flow, vehicle="bus")
