from __future__ import annotations

import sys
import threading

import pytest
from sameness import run, same

import harness


@same
def test_release_of_a_free_lock_raises():
    threading.Lock().release()


@same
def test_a_lock_may_be_released_by_another_thread():
    lock = threading.Lock()
    lock.acquire()
    run(lock.release)
    return lock.locked()


@same
def test_a_lock_excludes():
    lock = threading.Lock()
    count = [0]

    def add():
        with lock:
            seen = count[0]
            harness.step("count")
            count[0] = seen + 1

    run(add, add)
    return count[0]


@same
def test_acquire_without_blocking_fails_on_a_held_lock():
    lock = threading.Lock()
    return lock.acquire(), lock.acquire(blocking=False), lock.acquire(False), lock.locked()


@same
def test_acquire_with_timeout_zero_does_not_wait():
    lock = threading.Lock()
    return lock.acquire(timeout=0), lock.acquire(timeout=0)


@same
def test_acquire_gives_up_after_its_timeout():
    lock = threading.Lock()
    lock.acquire()
    return lock.acquire(timeout=0.01)


@same
def test_a_timeout_without_blocking_is_refused():
    threading.Lock().acquire(False, 1)


@same
def test_a_negative_timeout_is_refused():
    threading.Lock().acquire(True, -2)


@same
def test_a_timeout_too_large_is_refused():
    threading.Lock().acquire(timeout=threading.TIMEOUT_MAX * 2)


@same
def test_a_timeout_that_is_no_number_is_refused():
    threading.Lock().acquire(timeout=None)


@same
def test_with_gives_the_lock_back_when_its_block_raises():
    lock = threading.Lock()
    try:
        with lock as held:
            raise KeyError
    except KeyError:
        return held, lock.locked()


@same
def test_an_rlock_may_be_taken_again_by_its_owner():
    lock = threading.RLock()
    with lock, lock:
        taken = run(lambda: lock.acquire(blocking=False))
    return taken, run(lambda: lock.acquire(blocking=False) and lock.release())


@same
def test_an_rlock_is_only_released_by_its_owner():
    lock = threading.RLock()
    lock.acquire()

    def release():
        try:
            lock.release()
        except RuntimeError as error:
            return str(error)

    return run(release)


@same
def test_an_rlock_released_too_often_raises():
    lock = threading.RLock()
    lock.acquire()
    lock.release()
    lock.release()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="RLock has locked() since 3.14")
@same
def test_an_rlock_has_no_locked():
    return hasattr(threading.RLock(), "locked"), hasattr(threading.Lock(), "locked")


@same
def test_a_lock_can_be_made_free_after_a_fork():
    lock = threading.Lock()
    lock.acquire()
    lock._at_fork_reinit()
    return lock.locked()


def test_locks_taken_in_opposite_orders_are_a_deadlock_that_names_both():
    def program():
        first, second = threading.Lock(), threading.Lock()

        def forwards():
            with first, second:
                pass

        def backwards():
            with second, first:
                pass

        run(forwards, backwards)

    result = harness.explore(program)
    assert result.failure.kind == "deadlock"
    table = {row.resource: row.holders for row in result.failure.finding.failure.waiting if row.operation == "acquire"}
    assert set(table) == {"lock 1", "lock 2"}
    assert all(len(holders) == 1 for holders in table.values())
