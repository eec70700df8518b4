"""The guarantee of `pct`: each execution finds a bug of depth d with a probability of at least 1 / (n k^(d-1))."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from itertools import permutations

import pytest
from published import together
from sampled import head_start, hits, sampled, window

from harness.runtime import control
from harness.search import Pct, Random
from harness.search.runner import Runner

LUCK = 1e-6
"""What is less likely than this does not happen."""


def test_a_bug_of_depth_1_is_found() -> None:
    # n = 3 tasks: each execution finds it with p >= 1/3, so 50 all miss it with less than (2/3)^50 = 1.6e-9
    pct = Pct(50, depth=1)
    assert hits(head_start(40), pct) > 0
    assert (1 - pct.probability) ** 50 < LUCK


def test_plain_random_does_not_find_it() -> None:
    # the writer does at most one of its two steps (begin, write) while the reader does 41 (begin, 40 reads) and ends:
    # p <= 43/2^42 = 1e-11; in 1000 executions 1e-8
    assert hits(head_start(40), Random(1000)) == 0


def test_a_bug_of_depth_2_is_found() -> None:
    # n = 3, k = 37: p >= 1/111, so 2000 all miss it with less than (110/111)^2000 = 1.4e-8
    pct = Pct(2000, depth=2)
    assert hits(window(32), pct) > 0
    assert (1 - pct.probability) ** 2000 < LUCK


def test_plain_random_does_not_find_that_either() -> None:
    # between the first and the last of 32 reads the writer must never be chosen: p <= 2^-31; in 2000 executions 9.3e-7
    assert hits(window(32), Random(2000)) == 0


class Scripted(random.Random):
    """Chance that is none: gives the numbers of a script."""

    def __init__(self, script: list[float]) -> None:
        super().__init__()
        self.script = iter(script)

    def seed(self, *_: object) -> None:
        """Nothing to seed."""

    def random(self) -> float:
        """The next number."""
        return next(self.script)


def every_draw(tasks: int, choices: int, depth: int) -> Iterator[list[float]]:
    """All that `Pct` can draw for an execution: places of the changes, in turn, then an order of the tasks."""

    def places(left: int, most: int) -> Iterator[list[float]]:
        if not left:
            yield []
            return
        for n in range(most):
            for rest in places(left - 1, most - 1):
                yield [(n + 0.5) / most, *rest]

    for drawn in places(depth - 1, choices):
        for order in permutations(range(tasks)):
            yield [*drawn, *((n + 0.5) / tasks for n in order)]


class Enumerated(Pct):
    """Makes every draw once, each of which is as likely as the next."""

    def __init__(self, depth: int, tasks: int, choices: int) -> None:
        super().__init__(depth=depth)
        self.tasks, self.choices = tasks, choices
        self.scripts = every_draw(tasks, choices, depth)

    def start(self) -> bool:
        """With the next script."""
        script = next(self.scripts, None)
        if script is None:
            return False
        self._random = Scripted(script)
        self.executions = self.run + 1
        return super().start()


def exact(bug: int, depth: int) -> tuple[float, float]:
    """The probability with which ``pct`` of some depth finds a bug of some depth; and what is guaranteed."""
    program = window(3, bug)
    pct = Pct(100, depth=depth)
    hits(program, pct)  # measure n and k
    every = Enumerated(depth, pct.tasks, pct.choices)
    found = hits(program, every)
    assert (every.tasks, every.choices) == (pct.tasks, pct.choices), "measured too small: these are not all draws"
    return found / every.run, pct.probability


@pytest.mark.parametrize(("bug", "depth"), [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)])
def test_enough_of_all_draws_find_the_bug(bug: int, depth: int) -> None:
    probability, guaranteed = exact(bug, depth)
    assert probability >= guaranteed  # no luck in this: every draw was made


@pytest.mark.parametrize(("bug", "depth"), [(2, 1), (3, 1), (3, 2)])
def test_no_draw_finds_a_bug_that_is_deeper(bug: int, depth: int) -> None:
    assert exact(bug, depth)[0] == 0


def test_two_tasks_can_be_demoted_at_one_place() -> None:
    pct = Pct(2, depth=3)
    pct.choices = 10
    # changes at the choices 1 and 2; then the priorities of main and, highest first, of the three tasks that it starts
    pct._random = Scripted([0, 0, 0.5, 0.9, 0.6, 0.3])
    with Runner(lambda: together(int, int, int)) as runner:
        pct.start()
        steps = runner.run(pct).steps
    assert steps[1].task.key == "3"


def test_n_and_k_are_measured() -> None:
    pct = Pct(200, depth=2)
    hits(window(4), pct)
    # Main and two threads. Two of them can go on, at most, when the writer (begin, two writes, end) is done, and main
    # has joined it, before the reader (begin, four reads, end) does its last step; and one change is counted.
    assert (pct.tasks, pct.choices) == (3, 4 + 1 + 5 + 1)


def test_a_timer_is_a_task_of_its_own() -> None:
    seen: set[bool] = set()

    def program() -> None:
        flag = threading.Event()
        thread = threading.Thread(target=flag.set)
        thread.start()
        seen.add(flag.wait(1))
        thread.join()

    # main waits and can go on only by its timer, so the setter is either above the timer or below: 1/2 each, and 40
    # executions all on one side have a chance of 2^-39 = 2e-12
    pct = Pct(40, depth=1)
    sampled(program, pct, lambda _: None)
    assert seen == {True, False}
    assert pct.tasks == 3  # main, its timer, the thread


def test_every_option_of_a_data_choice_is_taken() -> None:
    def program() -> None:
        execution = control.current()
        assert execution is not None
        seen.add(execution.choose("coin", ("heads", "tails", "edge")))

    seen: set[int] = set()
    sampled(program, Pct(60), lambda _: None)  # one of three is missed with less than 3 * (2/3)^60 = 8e-11
    assert seen == {0, 1, 2}
