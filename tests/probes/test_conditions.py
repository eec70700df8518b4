from __future__ import annotations

import threading
import time

from sameness import agree, run, same

import harness

module_level = threading.Condition(threading.Lock())


@same
def test_wait_without_the_lock_raises():
    threading.Condition().wait()


@same
def test_notify_without_the_lock_raises():
    threading.Condition(threading.Lock()).notify()


@same
def test_notify_all_without_the_lock_raises():
    threading.Condition().notify_all()


@same
def test_of_a_plain_lock_it_does_not_matter_who_holds_it():
    lock = threading.Lock()
    condition = threading.Condition(lock)
    lock.acquire()
    return run(condition.notify)


@same
def test_of_an_rlock_it_does_matter_who_holds_it():
    condition = threading.Condition()

    def notify():
        try:
            condition.notify()
        except RuntimeError:
            return "refused"

    with condition:
        return run(notify)


@same
def test_notify_wakes_in_the_order_of_waiting():
    condition = threading.Condition()
    order = []

    def wait(n):
        with condition:
            condition.wait()
            order.append(n)

    threads = []
    for n in range(3):
        threads.append(threading.Thread(target=wait, args=(n,)))
        threads[-1].start()
        while True:  # until it waits
            with condition:
                if len(condition_waiters(condition)) == n + 1:
                    break
            time.sleep(0.001)
    for n in range(3):
        with condition:
            condition.notify()
        threads[n].join()
    return order


def condition_waiters(condition):
    bound = condition.__dict__.get("_loadloom")
    return condition._waiters if bound is None else bound.model.waiters


@same
def test_wait_takes_all_levels_of_an_rlock_off_and_puts_them_back():
    condition = threading.Condition()
    done = []

    def other():
        with condition:
            done.append(1)
            condition.notify()

    with condition, condition:
        thread = threading.Thread(target=other)
        thread.start()
        condition.wait()
        seen = list(done)
        condition.release()
        still = run(lambda: condition.acquire(blocking=False))
        condition.acquire()
    thread.join()
    return seen, still


@same
def test_wait_gives_up_after_its_timeout():
    condition = threading.Condition()
    with condition:
        return condition.wait(0.01), condition.wait(0), condition.wait(-1)


@same
def test_wait_for_returns_what_its_predicate_says():
    condition = threading.Condition()
    with condition:
        return condition.wait_for(lambda: 7), condition.wait_for(lambda: [], timeout=0.01), condition.wait_for(
            lambda: 0, timeout=0
        )


@same
def test_wait_for_waits_until_its_predicate_holds():
    condition = threading.Condition()
    items = []

    def put():
        for n in range(2):
            with condition:
                items.append(n)
                condition.notify()

    def take():
        with condition:
            condition.wait_for(lambda: len(items) == 2)
            return list(items)

    return run(take, put)[0]


@same
def test_notify_without_waiters_is_lost():
    condition = threading.Condition()
    with condition:
        condition.notify(5)
        return condition.wait(0.01)


@same
def test_two_conditions_may_share_a_lock():
    lock = threading.Lock()
    full, empty = threading.Condition(lock), threading.Condition(lock)
    items, got = [], []

    def take():
        for _ in range(3):
            with full:
                full.wait_for(lambda: items)
                got.append(items.pop())
                empty.notify()

    def put():
        for n in range(3):
            with empty:
                empty.wait_for(lambda: not items)
                items.append(n)
                full.notify()

    run(take, put)
    return got


@same
def test_acquire_and_release_are_those_of_the_lock():
    condition = threading.Condition(threading.Lock())
    return condition.acquire(), condition.acquire(False), condition.release(), condition.acquire(timeout=0.01)


@same
def test_one_made_before_we_came_works():
    ready = []

    def wait():
        module_level.acquire()
        while not ready:
            module_level.wait()
        module_level.release()
        return "woken"

    def wake():
        with module_level:
            ready.append(1)
            module_level.notify()

    return run(wait, wake)[0]


@same
def test_a_subclass_with_an_init_of_its_own_works():
    class Named(threading.Condition):
        def __init__(self, name):
            super().__init__()
            self.name = name

    condition = Named("a")
    with condition:
        condition.notify()
    return condition.name


def test_a_notify_may_hit_a_waiter_that_has_just_timed_out_and_is_lost():
    """As in CPython: the waiter stands in the queue until it has the lock again. The other waits for ever."""

    def program():
        condition = threading.Condition()
        items = []

        def impatient():
            with condition:
                condition.wait(1.0)

        def patient():
            with condition:
                while not items:
                    condition.wait()

        first = threading.Thread(target=impatient)
        second = threading.Thread(target=patient)
        first.start()
        second.start()
        with condition:
            items.append(1)
            condition.notify()
        first.join()
        second.join()

    assert harness.explore(program, preemptions=3).failure.kind == "deadlock"


def test_results_do_not_depend_on_early_timeouts_where_the_program_asks_again():
    def body():
        condition = threading.Condition()
        items = []

        def put():
            with condition:
                items.append(1)
                condition.notify()

        def take():
            with condition:
                while not items:
                    condition.wait(0.05)
                return items.pop()

        return run(take, put)[0]

    agree(body, timeouts=2)
