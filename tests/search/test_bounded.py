"""`bounded`: all schedules with at most so many preemptions, the fewest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest
from published import Program, together
from sampled import sampled, window

import harness
from harness import step
from harness.search import Bounded

SHAPES = [(1, 1), (2, 3), (4, 4), (1, 1, 1), (2, 1, 2), (1, 1, 1, 1)]
"""How many steps each task does besides its begin and its end."""


def doing(shape: tuple[int, ...]) -> Program:
    def body(n: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(n):
                step("x")

        return run

    return lambda: together(*map(body, shape))


def schedules(shape: tuple[int, ...], most: int) -> int:
    """How many schedules there are with at most so many preemptions, counted without running anything.

    Main starts all tasks in its first step, then joins one after another, which it can when that one has ended. Leaving
    a task is a preemption where it could have gone on.
    """
    ends = tuple(n + 2 for n in shape)

    @cache
    def count(done: tuple[int, ...], joined: int, current: int, left: int) -> int:
        if joined == len(ends):
            return 1
        able = [n for n, end in enumerate(ends) if done[n] < end]
        if done[joined] == ends[joined]:
            able.append(MAIN)
        total = 0
        for task in able:
            rest = left - (current in able and task != current)
            if rest < 0:
                continue
            if task == MAIN:
                total += count(done, joined + 1, MAIN, rest)
            else:
                total += count((*done[:task], done[task] + 1, *done[task + 1 :]), joined, task, rest)
        return total

    return count((0,) * len(ends), 0, MAIN, most)


MAIN = -1


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("most", [0, 1, 2])
def test_every_schedule_with_so_few_preemptions_is_run_once(shape: tuple[int, ...], most: int) -> None:
    seen = sampled(doing(shape), Bounded(most, reduce=False), lambda execution: tuple(execution.log))
    assert set(seen.values()) == {1}
    assert len(seen) == schedules(shape, most)


def test_the_fewest_preemptions_come_first() -> None:
    run: list[int] = []
    sampled(doing((2, 3)), Bounded(3, reduce=False), lambda execution: run.append(execution.preemptions()))
    assert run == sorted(run)
    assert set(Counter(run)) == {0, 1, 2, 3}


@pytest.mark.parametrize("preemptions", [0, 1])
def test_a_bug_of_two_preemptions_is_beyond_a_smaller_bound(preemptions: int) -> None:
    result = harness.explore(window(2, depth=3), strategy="bounded", preemptions=preemptions)
    assert result.verdict is harness.Verdict.BOUNDED
    assert result.bounds == f"at most {preemptions} preemption{'' if preemptions == 1 else 's'}"


@pytest.mark.parametrize("preemptions", [2, 5])
def test_it_is_found_with_two_whatever_the_bound(preemptions: int) -> None:
    result = harness.explore(window(2, depth=3), strategy="bounded", preemptions=preemptions)
    assert result.failure is not None
    assert result.failure.finding.execution.preemptions() == 2


def test_a_bound_that_is_never_met_proves() -> None:
    assert harness.explore(doing((1, 1)), strategy="bounded", preemptions=99).verdict is harness.Verdict.PROVED
