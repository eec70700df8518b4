from __future__ import annotations

import threading

from sameness import run, same


@same
def test_a_semaphore_lets_so_many_in():
    semaphore = threading.Semaphore(2)
    return semaphore.acquire(), semaphore.acquire(), semaphore.acquire(blocking=False), semaphore.acquire(timeout=0.01)


@same
def test_acquire_waits_for_a_release():
    semaphore = threading.Semaphore(0)
    return run(semaphore.acquire, semaphore.release)[0]


@same
def test_release_takes_a_number():
    semaphore = threading.Semaphore(0)
    semaphore.release(2)
    return semaphore.acquire(), semaphore.acquire(), semaphore.acquire(False)


@same
def test_release_of_none_is_refused():
    threading.Semaphore().release(0)


@same
def test_a_negative_value_is_refused():
    threading.Semaphore(-1)


@same
def test_a_timeout_without_blocking_is_refused():
    threading.Semaphore().acquire(False, 1)


@same
def test_a_bounded_semaphore_refuses_one_release_too_many():
    threading.BoundedSemaphore(1).release()


@same
def test_a_refused_release_leaves_the_value_as_it_was():
    semaphore = threading.BoundedSemaphore(2)
    semaphore.acquire()
    try:
        semaphore.release(2)
    except ValueError:
        return semaphore.acquire(False), semaphore.acquire(False)


@same
def test_with_takes_and_gives_back():
    semaphore = threading.BoundedSemaphore(1)
    with semaphore:
        inside = semaphore.acquire(False)
    return inside, semaphore.acquire(False)


@same
def test_keywords_are_those_of_the_stdlib():
    semaphore = threading.Semaphore(value=1)
    return semaphore.acquire(blocking=True, timeout=None), semaphore.release(n=1)


