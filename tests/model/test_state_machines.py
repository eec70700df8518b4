"""The state machines alone, without threads: when is an operation enabled, and what does it leave behind."""

from __future__ import annotations

from harness import model
from harness.model.barrier import BROKEN, FILLING


def test_a_lock_is_free_for_nobody_else_while_held():
    lock = model.Lock()
    lock.acquire("a")
    assert (lock.free_for("a"), lock.free_for("b"), lock.holders()) == (False, False, ("a",))


def test_a_reentrant_lock_is_free_for_its_owner_until_given_back_as_often():
    lock = model.Lock(reentrant=True)
    lock.acquire("a")
    lock.acquire("a")
    lock.release()
    assert (lock.free_for("a"), lock.free_for("b")) == (True, False)
    lock.release()
    assert lock.free_for("b")


def test_giving_up_and_taking_back_keeps_the_depth():
    lock = model.Lock(reentrant=True)
    lock.acquire("a")
    lock.acquire("a")
    depth = lock.give_up()
    assert lock.free_for("b")
    lock.take_back("a", depth)
    assert (lock.owner, lock.depth) == ("a", 2)


def test_notify_wakes_the_longest_waiting_first():
    condition = model.Condition()
    for task in "abc":
        condition.wait(task)
    condition.notify(2)
    assert [condition.is_notified(task) for task in "abc"] == [True, True, False]


def test_a_waiter_that_leaves_without_a_notify_is_forgotten():
    condition = model.Condition()
    condition.wait("a")
    condition.leave("a")
    condition.notify(1)
    assert not condition.is_notified("a")


def test_a_bounded_semaphore_cannot_go_over_its_limit():
    assert not model.Semaphore(1, limit=1).can_release(1)
    assert model.Semaphore(1).can_release(5)


def test_a_full_queue_takes_nothing_and_a_shut_one_answers_at_once():
    items = [1]
    queue = model.Queue(1, items.__len__)
    assert (queue.can_put(), queue.can_get()) == (False, True)
    queue.shutdown = True
    assert queue.can_put()


def test_a_held_mutex_holds_up_every_operation_of_a_queue():
    queue = model.Queue(0, lambda: 1)
    queue.mutex = model.Lock()
    queue.mutex.acquire("a")
    assert (queue.can_put(), queue.can_get(), queue.all_done()) == (False, False, False)


def test_a_barrier_is_ready_again_when_the_last_has_left():
    barrier = model.Barrier(2)
    assert (barrier.arrive(), barrier.arrive()) == (0, 1)
    barrier.release()
    assert not barrier.open_for_arrivals()
    barrier.leave()
    barrier.leave()
    assert barrier.state == FILLING


def test_nobody_passes_or_arrives_while_the_action_of_a_barrier_runs():
    barrier = model.Barrier(1)
    barrier.arrive()
    barrier.acting = True
    assert (barrier.may_pass(), barrier.open_for_arrivals(), barrier.at_rest()) == (False, False, False)


def test_a_broken_barrier_stays_broken_until_reset():
    barrier = model.Barrier(2)
    barrier.arrive()
    barrier.abort()
    barrier.leave()
    assert barrier.state == BROKEN
    barrier.reset()
    assert barrier.state == FILLING


def test_a_future_is_done_once_finished_or_cancelled():
    future = model.Future()
    states = []
    for state in ("PENDING", "RUNNING", "CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED"):
        future.state = state
        states.append(future.done())
    assert states == [False, False, True, True, True]
