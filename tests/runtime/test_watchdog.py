"""What blocks outside our sight is reported, with the place; never a silent hang, never a pass."""

from __future__ import annotations

import _thread
import threading

import pytest

from harness.search import Dpor
from harness.search.explore import Exploration, explore
from harness.search.runner import Runner
from harness.verdict import Verdict

held = [_thread.allocate_lock()]
held[0].acquire()


def blocks() -> None:
    """A worker takes a real lock that is held, hidden in a list that was made before we came."""
    real = held[0]
    thread = threading.Thread(target=lambda: real.acquire(), name="stuck")
    thread.start()
    thread.join()


def runs_on() -> None:
    def spin() -> None:
        while True:
            pass

    thread = threading.Thread(target=spin, name="stuck")
    thread.start()
    thread.join()


def swallows() -> None:
    try:
        while True:
            pass
    except Exception:
        pass


def search(program: object, vehicle: str) -> Exploration:
    with Runner(program, vehicle=vehicle, patience=0.4) as runner:  # type: ignore[arg-type]
        return explore(runner, Dpor())


# an OS thread that runs on would do so for the rest of the test run
@pytest.mark.parametrize(("program", "vehicle"), [(blocks, "fiber"), (blocks, "thread"), (runs_on, "fiber")])
def test_a_task_that_makes_no_step_is_reported_with_its_place(program: object, vehicle: str) -> None:
    found = search(program, vehicle)
    assert found.verdict() is Verdict.INCONCLUSIVE
    assert "task stuck has made no step" in found.reasons[0]
    assert "test_watchdog.py" in found.reasons[0]


def test_a_program_that_catches_everything_is_ended_too() -> None:
    found = search(swallows, "fiber")
    assert "has made no step" in found.reasons[0]


def test_the_next_exploration_is_not_disturbed() -> None:
    search(runs_on, "fiber")

    def fine() -> None:
        lock = threading.Lock()
        threads = [threading.Thread(target=lambda: lock.acquire() and lock.release()) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert search(fine, "fiber").verdict() is Verdict.PROVED


def test_a_task_that_blocks_again_when_it_is_ended_is_left_where_it_stands() -> None:
    def blocks_again() -> None:
        try:
            held[0].acquire()
        finally:
            held[0].acquire()

    found = search(blocks_again, "fiber")
    assert found.verdict() is Verdict.INCONCLUSIVE
