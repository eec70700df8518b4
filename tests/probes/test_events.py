from __future__ import annotations

import threading

from sameness import run, same

import harness


@same
def test_an_event_starts_unset():
    return threading.Event().is_set()


@same
def test_set_and_clear_change_the_flag():
    event = threading.Event()
    event.set()
    seen = event.is_set()
    event.clear()
    return seen, event.is_set()


@same
def test_wait_returns_true_once_it_is_set():
    event = threading.Event()
    return run(event.wait, event.set)[0]


@same
def test_wait_returns_false_after_its_timeout():
    event = threading.Event()
    return event.wait(0.01), event.wait(0), event.wait(-1)


@same
def test_set_wakes_everybody():
    event = threading.Event()
    return run(event.wait, event.wait, event.set)[:2]


@same
def test_a_subclass_works():
    class Named(threading.Event):
        def __init__(self, name):
            super().__init__()
            self.name = name

    event = Named("done")
    event.set()
    return event.wait(), event.name


def test_a_waiter_that_comes_after_set_and_clear_waits_for_ever():
    def program():
        event = threading.Event()

        def pulse():
            event.set()
            event.clear()

        run(event.wait, pulse)

    assert harness.explore(program).failure.kind == "deadlock"


def test_a_waiter_that_came_before_set_and_clear_goes_on():
    seen = set()

    def program():
        event = threading.Event()

        def pulse():
            event.set()
            event.clear()

        waiter = threading.Thread(target=lambda: seen.add(event.wait(1.0)))
        waiter.start()
        pulse()
        waiter.join()

    harness.explore(program)
    assert seen == {True, False}
