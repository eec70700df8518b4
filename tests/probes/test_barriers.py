from __future__ import annotations

import threading

from sameness import run, same

import harness


def arrival(barrier, *args):
    def arrive():
        try:
            return barrier.wait(*args)
        except threading.BrokenBarrierError:
            return "broken"

    return arrive


@same
def test_each_party_gets_an_index_of_its_own():
    barrier = threading.Barrier(3)
    return sorted(run(*[arrival(barrier)] * 3))


@same
def test_the_action_runs_once_each_round():
    ran = []
    barrier = threading.Barrier(2, action=lambda: ran.append(1))

    def twice():
        barrier.wait()
        barrier.wait()

    run(twice, twice)
    return len(ran)


@same
def test_an_action_that_raises_breaks_it():
    def fail():
        raise KeyError

    barrier = threading.Barrier(2, fail)

    def arrive():
        try:
            barrier.wait()
        except (KeyError, threading.BrokenBarrierError) as error:
            return type(error).__name__

    return sorted(run(arrive, arrive)), barrier.broken


@same
def test_nobody_gets_in_while_the_action_runs():
    seen = []

    def action():
        harness.step("in the action")
        seen.append((barrier.n_waiting, barrier.broken))

    barrier = threading.Barrier(2, action)
    run(barrier.wait, barrier.wait, barrier.wait, barrier.wait)
    return seen


@same
def test_a_timeout_breaks_it():
    barrier = threading.Barrier(2)
    return arrival(barrier, 0.01)(), barrier.broken, arrival(barrier)()


@same
def test_a_timeout_of_zero_breaks_it():
    barrier = threading.Barrier(2)
    return arrival(barrier, 0)(), barrier.broken


@same
def test_its_own_timeout_is_the_default():
    barrier = threading.Barrier(2, timeout=0.01)
    return arrival(barrier)(), barrier.broken


@same
def test_abort_sends_those_who_wait_away():
    barrier = threading.Barrier(3)
    return run(arrival(barrier), arrival(barrier), barrier.abort), barrier.broken


@same
def test_reset_mends_a_broken_one():
    barrier = threading.Barrier(2)
    barrier.abort()
    barrier.reset()
    return barrier.broken, sorted(run(arrival(barrier), arrival(barrier)))


@same
def test_nobody_waits_at_a_fresh_or_broken_one():
    barrier = threading.Barrier(2)
    fresh = barrier.n_waiting
    barrier.abort()
    return fresh, barrier.n_waiting, barrier.parties


@same
def test_one_party_does_not_wait():
    return threading.Barrier(1).wait()


def test_reset_sends_those_who_wait_away():
    outcomes = set()

    def program():
        barrier = threading.Barrier(2)
        waiter = threading.Thread(target=lambda: outcomes.add(arrival(barrier, 1.0)()))
        waiter.start()
        waiting = barrier.n_waiting
        barrier.reset()
        waiter.join()
        if waiting:
            assert not barrier.broken

    assert harness.explore(program, timeouts=0).failure is None
    assert outcomes == {"broken"}
