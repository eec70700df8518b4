"""SIGINT and SIGTERM before any step of the main thread."""

from __future__ import annotations

import signal
import threading

import pytest

import harness
from harness.verdict import Verdict


def counted(program, **options):
    """What each execution returned or raised."""
    seen = []

    def run():
        try:
            seen.append(program())
        except BaseException as error:
            if type(error).__name__ == "Abandoned":
                raise
            seen.append(type(error).__name__)

    result = harness.explore(run, faults=1, signals=True, **options)
    assert result.failure is None, result.failure.explain()
    return seen


def three_steps():
    for n in range(3):
        harness.step(f"step {n}")
    return "done"


def test_an_interrupt_may_come_before_each_step():
    assert sorted(counted(three_steps)) == ["KeyboardInterrupt"] * 3 + ["done"]


def test_without_signals_none_comes():
    seen = []
    harness.explore(lambda: seen.append(three_steps()), faults=1)
    assert seen == ["done"]


def test_handler_of_the_program_is_called_for_both():
    def program():
        seen = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: seen.append(signal.Signals(number).name))
        harness.step("work")
        return ",".join(seen)

    assert sorted(counted(program)) == ["", "SIGINT", "SIGTERM"]


def test_termination_that_nobody_handles_is_a_crash_and_not_tried():
    assert "SIGTERM" not in str(counted(three_steps))


def test_ignored_signal_does_not_come():
    def program():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        harness.step("work")
        return "done"

    assert counted(program) == ["done"]


def test_handlers_are_gone_after_the_execution():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def program():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.signal(signal.SIGTERM, lambda *_: None)

    assert harness.explore(program).failure is None
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_only_the_main_thread_is_interrupted():
    def program():
        ended = []

        def work():
            harness.step("work")
            ended.append("worker")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            thread.join()
        except KeyboardInterrupt:
            thread.join()
        return ended[0]

    assert set(counted(program)) == {"worker"}


def test_only_the_main_thread_may_set_a_handler():
    def program():
        def work():
            with pytest.raises(ValueError, match="main thread"):
                signal.signal(signal.SIGINT, signal.SIG_IGN)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    assert harness.explore(program).failure is None


def forgets_its_lock():
    """Takes a lock and gives it back without a `finally`."""
    lock = threading.Lock()

    def other():
        with lock:
            pass

    thread = threading.Thread(target=other)
    try:
        lock.acquire()
        thread.start()
        harness.step("work")
        lock.release()
    except KeyboardInterrupt:
        pass


def test_a_lock_that_an_interrupt_leaves_behind_is_found_and_replayed():
    assert harness.explore(forgets_its_lock).failure is None
    result = harness.explore(forgets_its_lock, faults=1, signals=True)
    assert (result.verdict, result.failure.kind) == (Verdict.BROKEN, "deadlock")
    assert ", signals=True)" in result.failure.explain()
    again = harness.replay(forgets_its_lock, result.failure.token, signals=True)
    assert again.failure.error == result.failure.error
