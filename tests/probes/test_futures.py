from __future__ import annotations

import concurrent.futures
import threading
from concurrent.futures import Future, as_completed, wait

from sameness import run, same

import harness


def attempt(act, *args, **kw):
    try:
        return act(*args, **kw)
    except (Exception, concurrent.futures.CancelledError) as error:
        return type(error).__name__


def done(value=None):
    future = Future()
    future.set_result(value)
    return future


@same
def test_result_waits_for_it():
    future = Future()
    return run(future.result, lambda: future.set_result(7))[0]


@same
def test_result_raises_the_exception():
    future = Future()
    future.set_exception(KeyError("k"))
    return attempt(future.result), repr(future.exception())


@same
def test_result_gives_up_after_its_timeout():
    future = Future()
    return attempt(future.result, 0.01), attempt(future.result, 0), attempt(future.exception, timeout=-1)


@same
def test_a_result_is_set_once():
    future = done(1)
    return attempt(future.set_result, 2), attempt(future.set_exception, KeyError()), future.result()


@same
def test_a_pending_future_can_be_cancelled():
    future = Future()
    return future.cancel(), future.cancelled(), future.done(), attempt(future.result), attempt(future.exception)


@same
def test_a_running_or_done_future_cannot_be_cancelled():
    future = Future()
    future.set_running_or_notify_cancel()
    return future.cancel(), future.running(), done().cancel(), future.cancelled()


@same
def test_a_cancelled_future_stays_so():
    future = Future()
    future.cancel()
    return future.cancel(), future.set_running_or_notify_cancel(), attempt(future.set_result, 1), future.cancelled()


@same
def test_callbacks_run_once_in_order_also_when_added_late():
    seen = []
    future = Future()
    future.add_done_callback(lambda f: seen.append(("first", f.result())))
    future.add_done_callback(lambda f: seen.append(("second", f is future)))
    future.set_result(1)
    future.add_done_callback(lambda f: seen.append(("late", f.done())))
    return seen


@same
def test_callbacks_run_on_cancel():
    seen = []
    future = Future()
    future.add_done_callback(lambda f: seen.append(f.cancelled()))
    future.cancel()
    return seen


@same
def test_repr_tells_the_state_and_makes_no_step():
    future = done(3)
    return "finished returned int" in repr(future), "pending" in repr(Future())


@same
def test_wait_returns_done_and_not_done():
    futures = [done(), Future()]
    found = wait(futures, timeout=0.01)
    return found.done == {futures[0]}, found.not_done == {futures[1]}, type(found).__name__


@same
def test_wait_for_all():
    futures = [Future(), Future()]
    found = run(lambda: wait(futures), lambda: [f.set_result(1) for f in futures] and None)[0]
    return len(found.done), len(found.not_done)


@same
def test_wait_for_the_first():
    futures = [Future(), Future()]
    found = run(lambda: wait(futures, return_when="FIRST_COMPLETED"), lambda: futures[1].set_result(1))[0]
    return found.done == {futures[1]}


@same
def test_wait_for_the_first_exception():
    futures = [Future(), Future(), done()]
    found = run(lambda: wait(futures, return_when="FIRST_EXCEPTION"), lambda: futures[0].set_exception(KeyError()))[0]
    return len(found.done), repr(futures[0].exception())


@same
def test_wait_for_nothing_returns():
    return wait([])


@same
def test_wait_for_an_unknown_condition_is_refused():
    wait([Future()], timeout=0.01, return_when="SOME")


@same
def test_as_completed_yields_each_once():
    futures = [Future(), done(1), Future()]

    def settle():
        futures[0].set_result(2)
        futures[2].set_result(3)

    thread = threading.Thread(target=settle)
    thread.start()
    results = sorted(f.result() for f in as_completed([*futures, futures[1]]))
    thread.join()
    return results


@same
def test_as_completed_gives_up_after_its_timeout():
    seen = []
    try:
        for future in as_completed([done(1), Future()], timeout=0.01):
            seen.append(future.result())
    except concurrent.futures.TimeoutError as error:
        return seen, str(error)


def test_the_exception_of_a_future_that_nobody_reads_is_a_failure():
    def program():
        Future().set_exception(KeyError("lost"))

    failure = harness.explore(program).failure
    assert failure.kind == "exception"
    assert "nobody reads" in failure.error


def test_an_exception_in_a_callback_is_a_failure():
    def program():
        future = Future()
        future.add_done_callback(lambda f: {}["k"])
        future.set_result(1)

    assert "KeyError" in harness.explore(program).failure.error


def test_a_set_of_futures_has_the_same_order_in_every_execution():
    orders = set()

    def program():
        futures = {Future() for _ in range(8)}
        numbered = {future: n for n, future in enumerate(futures)}
        for future in futures:
            future.set_result(None)
        orders.add(tuple(numbered[f] for f in as_completed(futures)))

    harness.explore(program, strategy="random", max_executions=10)
    assert len(orders) == 1
