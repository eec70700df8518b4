"""The guarantee of `surw`: every interleaving of the interesting steps is as likely as the next."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from math import comb

import pytest
from published import Program, together
from sampled import head_start, hits, sampled, touching

from harness import step
from harness.runtime import Execution
from harness.search import Dfs, Dpor, Random, Surw


def too_far(classes: int) -> float:
    """What the chi-squared statistic of a uniform draw exceeds with a probability of 1e-6 (Wilson and Hilferty).

    Seeds are fixed, so nothing is left to luck in the end.
    """
    df = classes - 1
    return float(df * (1 - 2 / (9 * df) + 4.7534 * (2 / (9 * df)) ** 0.5) ** 3)


def chi_squared(seen: Counter[Hashable], classes: int) -> float:
    expected = seen.total() / classes
    missing = classes - len(seen)
    return sum((count - expected) ** 2 / expected for count in seen.values()) + missing * expected


def uneven() -> None:
    """Three accesses to x each, but one task has much else to do before: 20 interleavings."""

    def body(name: str, before: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(before):
                step(f"of {name} alone")
            for _ in range(3):
                step("x")

        return run

    together(body("first", 6), body("second", 0))


def three_tasks() -> None:
    """One, two and three accesses: 6!/(1! 2! 3!) = 60 interleavings."""

    def body(n: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(n):
                step("x")

        return run

    together(body(1), body(2), body(3))


def started_in_between() -> None:
    """A task starts another between its two accesses; a third has two of its own: see `interleavings`."""

    def child() -> None:
        step("x")
        step("x")

    def parent() -> None:
        step("x")
        step("of the parent alone")  # it may be the intended one already when it starts its child
        thread = threading.Thread(target=child)
        thread.start()
        step("x")
        thread.join()

    def other() -> None:
        step("x")
        step("x")

    together(parent, other)


def by_main_too() -> None:
    """Main has an access before it starts the others and one after it joined them: 6 interleavings."""

    def body() -> None:
        step("x")
        step("x")

    step("x")
    together(body, body)
    step("x")


def interleavings(program: Program) -> set[Hashable]:
    """All of them: a trace each."""
    return set(sampled(program, Dpor(), touching("x")))


PROGRAMS = {
    "three tasks": (three_tasks, 60),
    # j = 0, 1, 2 accesses of the other come before the parent's first; the child's two, the parent's second and the
    # rest of the other's go in any order: 5!/(2! 1! 2!) + 4!/(2! 1! 1!) + 3!/2!
    "started in between": (started_in_between, 30 + 12 + 3),
    "main too": (by_main_too, comb(4, 2)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_interleaving_is_as_likely_as_the_next(name: str) -> None:
    program, count = PROGRAMS[name]
    every = interleavings(program)
    assert len(every) == count
    seen = sampled(program, Surw(40 * count), touching("x"))
    assert set(seen) == every
    assert chi_squared(seen, count) < too_far(count)


def test_what_else_a_task_does_makes_no_difference() -> None:
    seen = sampled(uneven, Surw(2000), touching("x"))
    assert len(seen) == comb(6, 3)
    assert chi_squared(seen, comb(6, 3)) < too_far(comb(6, 3))


def test_plain_random_is_not_uniform() -> None:
    seen = sampled(uneven, Random(2000), touching("x"))
    assert chi_squared(seen, comb(6, 3)) > 100 * too_far(comb(6, 3))


def test_a_long_head_start_is_found() -> None:
    # one write among 40 reads: 41 interleavings, one of them wrong; 600 all miss it with (40/41)^600 = 3.7e-7
    assert hits(head_start(40), Surw(600)) > 0


def test_plain_random_does_not_find_it() -> None:
    # the writer does at most one of its two steps while the reader does 41 and ends: 43/2^42, in 1000 executions 1e-8
    assert hits(head_start(40), Random(1000)) == 0


def test_a_resource_is_drawn_from_those_on_which_two_tasks_conflict() -> None:
    def program() -> None:
        lock = threading.Lock()

        def body(name: str) -> Callable[[], None]:
            def run() -> None:
                step(f"of {name} alone")
                step("only read", "read")
                with lock:
                    step("shared")
                    step("shared")

            return run

        together(body("first"), body("second"))

    surw = Surw(100)
    drawn = sampled(program, surw, lambda _: surw.resource)
    both = {"0": 4, "1": 2, "2": 2}
    assert surw.resources == {"lock 1": both, "step shared": both}
    assert set(drawn) == {"", "lock 1", "step shared"}  # none in the first, which is measured; each with 1/2 after it
    assert drawn[""] == 1


def test_every_schedule_can_still_come() -> None:
    def program() -> None:
        together(lambda: step("x"), lambda: step("x"))

    def schedule(execution: Execution) -> tuple[int, ...]:
        return tuple(execution.log)

    assert set(sampled(program, Surw(3000), schedule)) == set(sampled(program, Dfs(), schedule))


def test_waiting_tasks_do_not_stop_the_walk() -> None:
    def program() -> None:
        one, other = threading.Lock(), threading.Lock()

        def forwards() -> None:
            with one, other:
                step("x")

        def backwards() -> None:
            with other, one:
                step("x")

        together(forwards, backwards)

    endings = sampled(program, Surw(200), lambda execution: execution.ending)
    assert set(endings) == {"finished", "deadlock"}
