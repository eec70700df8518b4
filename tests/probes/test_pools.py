from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures.thread import BrokenThreadPool

import pytest
from sameness import same

import harness

module_level = ThreadPoolExecutor(2)


def fail():
    raise KeyError("lost")


@same
def test_submit_runs_a_call():
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(lambda *a, **k: (a, k), 1, x=2).result()


@same
def test_map_keeps_the_order():
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda a, b: a * b, [1, 2, 3], [4, 5, 6]))


@same
def test_map_raises_the_first_exception():
    with ThreadPoolExecutor(2) as pool:
        try:
            list(pool.map(lambda n: 1 // n, [1, 0]))
        except ZeroDivisionError:
            return "raised"


@same
def test_map_gives_up_after_its_timeout():
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            return list(pool.map(lambda _: gate.wait(), [1], timeout=0.01))
        except TimeoutError:
            return "gave up"
        except Exception as error:
            return "gave up" if type(error).__name__ == "TimeoutError" else error
        finally:
            gate.set()


@same
def test_an_exception_comes_back_to_who_asks():
    with ThreadPoolExecutor(1) as pool:
        return repr(pool.submit(fail).exception())


@same
def test_shutdown_waits_for_the_work():
    seen = []
    pool = ThreadPoolExecutor(1)
    for n in range(3):
        pool.submit(seen.append, n)
    pool.shutdown()
    return seen


@same
def test_submit_after_shutdown_raises():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    pool.submit(int)


@same
def test_shutdown_can_cancel_what_has_not_begun():
    gate, began = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(1)
    first = pool.submit(lambda: began.set() or gate.wait())
    second = pool.submit(int)
    began.wait()
    pool.shutdown(wait=False, cancel_futures=True)
    gate.set()
    try:
        second.result()
    except CancelledError:
        return "cancelled", first.result()


@same
def test_a_cancelled_future_is_not_run():
    gate, began, seen = threading.Event(), threading.Event(), []
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: began.set() or gate.wait())
        second = pool.submit(seen.append, 1)
        began.wait()
        cancelled = second.cancel()
        gate.set()
    return cancelled, seen


@same
def test_the_initializer_runs_first_in_each_worker():
    local = threading.local()

    def begin(value):
        local.value = value

    with ThreadPoolExecutor(2, initializer=begin, initargs=(5,)) as pool:
        return list(pool.map(lambda _: local.value, range(3)))


@pytest.mark.filterwarnings("ignore")
@same
def test_an_initializer_that_fails_breaks_the_pool():
    pool = ThreadPoolExecutor(1, initializer=fail)
    first = pool.submit(int)
    found = type(first.exception()) is BrokenThreadPool
    try:
        pool.submit(int)
    except BrokenThreadPool:
        return found, "broken"
    finally:
        pool.shutdown()


@same
def test_workers_are_named_for_the_prefix():
    with ThreadPoolExecutor(1, thread_name_prefix="load") as pool:
        return pool.submit(lambda: threading.current_thread().name).result()


@same
def test_a_pool_of_no_workers_is_refused():
    ThreadPoolExecutor(0)


@same
def test_work_may_submit_work():
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(lambda: pool.submit(int).result()).result()


@same
def test_a_pool_made_before_we_came_works():
    return module_level.submit(lambda: 7).result()


def test_a_pool_made_before_we_came_is_as_it_was():
    harness.explore(lambda: module_level.shutdown())
    assert module_level.submit(lambda: 8).result() == 8


def test_idle_workers_are_no_deadlock():
    def program():
        ThreadPoolExecutor(2).submit(int).result()

    assert harness.explore(program).failure is None


def test_a_worker_that_waits_for_its_own_pool_is_a_deadlock():
    def program():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: pool.submit(int).result()).result()

    assert harness.explore(program).failure.kind == "deadlock"


def test_an_exception_in_work_that_nobody_asks_for_is_a_failure():
    def program():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(fail)

    assert "nobody reads" in harness.explore(program).failure.error


def test_work_of_two_workers_interleaves():
    orders = set()

    def program():
        seen = []

        def work(n):
            harness.step("seen")
            seen.append(n)

        with ThreadPoolExecutor(2) as pool:
            pool.submit(work, 1)
            pool.submit(work, 2)
        orders.add(tuple(seen))

    harness.explore(program)
    assert orders == {(1, 2), (2, 1)}


def mapped():
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(abs, [1, -2])) == [1, 2]


def promised():
    made = Future()
    thread = threading.Thread(target=lambda: made.set_result(1))
    thread.start()
    assert made.result() == 1
    thread.join()


def cancelled():
    with ThreadPoolExecutor(1) as pool:
        [pool.submit(int) for _ in range(2)][1].cancel()


def nested():
    with ThreadPoolExecutor(2) as pool:
        pool.submit(lambda: pool.submit(int).result()).result()


@pytest.mark.parametrize(
    ("program", "verdict"), [(mapped, "VACUOUS"), (promised, "PROVED"), (cancelled, "PROVED"), (nested, "PROVED")]
)
def test_work_handed_to_a_pool_is_not_yet_something_to_interleave(program, verdict):
    assert str(harness.explore(program).verdict) == verdict


def test_subclass_that_joins_the_threads_of_its_pool_waits_for_them():
    """As the pool of dlt does, which then gives up after a while."""
    left = []

    class Joining(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False)
            for thread in list(self._threads):
                thread.join(2)
            left.append([thread.name for thread in self._threads if thread.is_alive()])

    def program():
        done = []
        with Joining(2, "mine") as pool:
            pool.submit(done.append, 1)
            pool.submit(done.append, 2)
        assert len(done) == 2

    assert harness.explore(program, timeouts=0).failure is None
    assert left
    assert all(names == [] for names in left)
