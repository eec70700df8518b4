"""Corners of the stdlib's thread primitives: under control as in reality, texts of errors included."""

from __future__ import annotations

import _thread
import copy
import pickle
import queue
import sys
import threading
import time
import weakref
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, as_completed, wait

import pytest
from sameness import agree, run


def tried(call, *args, **kw):
    """What a call returns, or the type and the text of what it raises."""
    try:
        return call(*args, **kw)
    except BaseException as error:
        return type(error).__name__, str(error)


def bad_arguments_of_a_lock():
    lock = threading.Lock()
    return [tried(lock.acquire, *args) for args in ((True, -2), (False, 1), (True, 1e20), (True, "x"))]


def bad_arguments_of_a_semaphore():
    semaphore = threading.BoundedSemaphore(2)
    return [
        tried(threading.Semaphore, -1), tried(semaphore.acquire, False, 1), tried(semaphore.release, 0),
        tried(semaphore.release), tried(semaphore.release, 2), semaphore._value,
    ]  # fmt: skip


def bad_arguments_of_sleep():
    return [tried(time.sleep, each) for each in (-1, "x", None, 0, True)]


def bad_arguments_of_a_raw_thread():
    start = _thread.start_new_thread
    return [tried(start, int, 5), tried(start, 5, ()), tried(start, int, (), 3)]


def what_a_lock_is():
    lock, rlock = threading.Lock(), threading.RLock()
    return [
        isinstance(lock, _thread.LockType), isinstance(lock, type(threading.Lock())),
        isinstance(rlock, type(threading.RLock())), lock == lock, lock != threading.Lock(), {lock: 1}[lock],
        weakref.ref(lock)() is lock, [n for n in dir(lock) if not n.startswith("_")],
        [n for n in dir(rlock) if not n.startswith("_")],
    ]  # fmt: skip


def what_a_lock_is_not():
    lock = threading.Lock()
    return [
        tried(setattr, lock, "x", 1), tried(copy.copy, lock)[0], tried(pickle.dumps, threading.RLock())[0],
        tried(pickle.dumps, queue.Queue())[0],
    ]  # fmt: skip


def an_rlock_given_up_and_taken_back():
    lock = threading.RLock()
    lock.acquire()
    lock.acquire()
    held = lock._release_save()
    free = run(lambda: (lock.acquire(blocking=False), lock.release()))
    lock._acquire_restore(held)
    return free, lock._is_owned(), lock.release(), lock.release(), tried(lock.release), tried(lock._release_save)


def the_levels_of_an_rlock():
    lock = threading.RLock()
    lock.acquire()
    lock.acquire()
    return [count() for count in [getattr(lock, "_recursion_count", lambda: 2)]], run(lambda: lock._is_owned())


def an_rlock_written_in_python():
    lock = threading._PyRLock()
    lock.acquire()
    lock.acquire()
    lock.release()
    return lock._is_owned(), run(lambda: lock.acquire(False)), lock.release()


def a_condition_of_a_semaphore():
    with threading.Condition(threading.Semaphore()) as held:
        return held, threading.Condition(threading.Semaphore()).wait_for(lambda: 5)


def futures_that_are_waited_for():
    futures = [Future() for _ in range(3)]
    futures[0].set_result(0)
    futures[1].set_exception(ValueError())
    seen = [len(wait(futures, 0.001).done), len(wait(futures, return_when=FIRST_EXCEPTION).done)]
    seen += [len(wait(futures, return_when=FIRST_COMPLETED).done), tried(wait, futures, 0, "x")]
    futures[2].cancel()
    seen += [len(wait(futures, 0.001).done), tried(lambda: len(list(as_completed(futures, 0.001))))]
    futures[2].set_running_or_notify_cancel()
    return [*seen, len(wait(futures).done), len(list(as_completed([futures[0]] * 2))), repr(futures[1].exception())]


def work_that_is_cancelled_when_a_pool_is_shut_down():
    """Nobody tells a future so cancelled: `wait` never counts it as done."""
    go, pool = threading.Event(), ThreadPoolExecutor(1)
    running = pool.submit(go.wait)
    while not running.running():
        time.sleep(0.001)
    waiting = pool.submit(int)
    pool.shutdown(wait=False, cancel_futures=True)
    go.set()
    pool.shutdown()
    return running.result(), waiting.cancelled(), len(wait([waiting], 0.001).done), tried(waiting.result)


def exceptions_that_are_no_exceptions_in_a_pool():
    with ThreadPoolExecutor(1) as pool:
        return tried(pool.submit(sys.exit, 3).result), tried(pool.submit(raising(KeyboardInterrupt)).result)


def raising(error):
    def act():
        raise error

    return act


def in_a_thread_with_hook(act, hook):
    before, threading.excepthook = threading.excepthook, hook
    try:
        thread = threading.Thread(target=act, name="t")
        thread.start()
        thread.join()
    finally:
        threading.excepthook = before
    return thread.is_alive()


def what_a_hook_is_told():
    told = []

    def hook(args):
        told.append((args.exc_type.__name__, str(args.exc_value), args.exc_traceback is not None, args.thread.name))

    for error in (ValueError("v"), SystemExit(3), KeyboardInterrupt()):
        in_a_thread_with_hook(raising(error), hook)
    return told


def a_hook_that_fails():
    told = []
    before, sys.excepthook = sys.excepthook, lambda *args: told.append(args[0].__name__)
    try:
        in_a_thread_with_hook(raising(ValueError), lambda args: raising(LookupError)())
    finally:
        sys.excepthook = before
    return told


def a_raw_thread_asked_who_it_is():
    seen, done = [], _thread.allocate_lock()
    done.acquire()

    def work(*args, **kw):
        here = threading.current_thread()
        seen.append((type(here).__name__, here.daemon, here.name.startswith("Dummy-"), here.is_alive(), args, kw))
        done.release()

    _thread.start_new_thread(work, (1,), {"b": 2})
    done.acquire()
    return seen


def a_raw_thread_that_exits():
    done = _thread.allocate_lock()
    done.acquire()

    def work():
        try:
            _thread.exit()
        finally:
            done.release()

    _thread.start_new_thread(work, ())
    return done.acquire()


def a_thread_that_is_looked_at():
    go = threading.Event()
    thread = threading.Thread(target=go.wait, name="t")
    thread.daemon = True
    thread.name = "u"
    texts = [repr(thread)]
    thread.start()
    texts.append(repr(thread).replace(str(thread.ident), "N"))
    refused = tried(setattr, thread, "daemon", False)
    go.set()
    thread.join()
    return [*texts, repr(thread).replace(str(thread.ident), "N"), refused, thread.join(-1), thread.join(0)]


def tracing_that_is_set_for_threads():
    def trace(*_):
        return None

    threading.settrace(trace)
    threading.setprofile(trace)
    try:
        return run(int), getattr(threading, "gettrace", lambda: trace)() is trace, threading.stack_size()
    finally:
        threading.settrace(None)
        threading.setprofile(None)


def exceptions_of_two_threads():
    def handling():
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            time.sleep(0.001)
            return sys.exc_info()[0].__name__

    def not_handling():
        time.sleep(0.001)
        return sys.exc_info()[0]

    return run(handling, not_handling)


def items_that_cannot_be_compared():
    items = queue.PriorityQueue()
    items.put(1)
    return tried(items.put, "a"), items.qsize(), items.unfinished_tasks


BODIES = [
    bad_arguments_of_a_lock, bad_arguments_of_a_semaphore, bad_arguments_of_sleep, bad_arguments_of_a_raw_thread,
    what_a_lock_is, what_a_lock_is_not, an_rlock_given_up_and_taken_back, the_levels_of_an_rlock,
    an_rlock_written_in_python, futures_that_are_waited_for, work_that_is_cancelled_when_a_pool_is_shut_down,
    exceptions_that_are_no_exceptions_in_a_pool, what_a_hook_is_told, a_hook_that_fails, a_raw_thread_asked_who_it_is,
    a_raw_thread_that_exits, a_thread_that_is_looked_at, tracing_that_is_set_for_threads, exceptions_of_two_threads,
    items_that_cannot_be_compared, a_condition_of_a_semaphore,
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_it_comes_to_the_same(body):
    agree(body)
