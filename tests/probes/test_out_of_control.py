"""What we have no model of: nothing is claimed, and the reason is said; what merely is unusual is found broken."""

from __future__ import annotations

import _thread
import asyncio
import multiprocessing
import os
import queue
import sched
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ProcessPoolExecutor

import pytest
from sameness import run

import harness


class Racy:
    """A counter that loses an update if another task gets between its two halves."""

    def __init__(self):
        self.value = 0

    def add(self, *_):
        harness.step("value", "read")
        seen = self.value
        harness.step("value")
        self.value = seen + 1


def locked(act):
    """Two threads do something under a lock: enough to interact."""

    def program():
        lock = threading.Lock()

        def work():
            with lock:
                act()

        run(work, work)

    return program


def two_of(make):
    def program():
        one, other = make(), make()

        def forwards():
            with one, other:
                pass

        def backwards():
            with other, one:
                pass

        run(forwards, backwards)

    return program


def forked():
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def forked_and_returned():
    """The child goes on with the task, and must end with it."""
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0


def process():
    started = multiprocessing.get_context("fork").Process(target=int)
    started.start()
    started.join()
    assert started.exitcode == 0


def signalled():
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def database():
    with sqlite3.connect(":memory:") as made:
        made.execute("create table t(n)")


def sockets():
    for each in socket.socketpair():
        each.close()


def pipe():
    for end in os.pipe():
        os.close(end)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (forked, "a process that the program forked"),
        (forked_and_returned, "a process that the program forked"),
        (process, "a process that the program forked"),
        (lambda: subprocess.run([sys.executable, "-c", ""], check=True), "a process that the program started"),
        (lambda: os.system("true"), "a process that the program started"),
        (signalled, "a signal"),
        (lambda: signal.raise_signal(signal.SIGCHLD), "a signal"),
        (lambda: signal.setitimer(signal.ITIMER_REAL, 0), "a signal"),
        (database, "an SQLite database"),
        (sockets, "a socket"),
        (pipe, "a pipe"),
    ],
)
def test_what_goes_on_beside_us_leaves_a_note(act, reason):
    result = harness.explore(locked(act))
    assert str(result.verdict) == "INCONCLUSIVE"
    assert any(f"outside our control: {reason}" in each for each in result.reasons)


def test_what_is_broken_is_found_all_the_same():
    def program():
        counter = Racy()

        def add():
            pipe()
            counter.add()

        run(add, add)
        assert counter.value == 2

    assert str(harness.explore(program).verdict) == "BROKEN"


def looped(act):
    """Run a coroutine that hands work to threads."""

    def program():
        counter = Racy()

        async def both():
            await asyncio.gather(act(counter.add), act(counter.add))

        asyncio.run(both())
        assert counter.value == 2

    return program


def loop_in_a_thread():
    counter, loop = Racy(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    loop.call_soon_threadsafe(counter.add)
    counter.add()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert counter.value == 2


def through_a_process_pool():
    with ProcessPoolExecutor(1) as pool:
        pool.submit(int).result()


@pytest.mark.filterwarnings("ignore")  # coroutines that are never run, loops that are never closed
@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (two_of(multiprocessing.Lock), "`multiprocessing`"),
        (two_of(multiprocessing.Semaphore), "`multiprocessing`"),
        (lambda: multiprocessing.Queue().put(1), "`multiprocessing`"),
        (through_a_process_pool, "`multiprocessing`"),
        (looped(asyncio.to_thread), "asyncio event loop"),
        (looped(lambda work: asyncio.get_running_loop().run_in_executor(None, work)), "asyncio event loop"),
        (loop_in_a_thread, "asyncio event loop"),
    ],
)
def test_what_would_freeze_us_ends_the_search_at_once(program, reason):
    result = harness.explore(program)
    assert str(result.verdict) == "INCONCLUSIVE"
    assert reason in result.reasons[0]


# -- unusual, and under control -----------------------------------------------------------------------------------


class Bomb:
    def __init__(self, act):
        self.act = act

    def __del__(self):
        self.act()


def raw_thread(counter):
    done = _thread.allocate_lock()
    done.acquire()

    def work():
        counter.add()
        done.release()

    threading._start_new_thread(work, ()) if hasattr(threading, "_start_new_thread") else _thread.start_new(work, ())
    counter.add()
    done.acquire()


def scheduler(counter):
    events = sched.scheduler()
    events.enter(1, 1, counter.add)
    run(events.run, counter.add)


def weak_reference(counter):
    held = [Bomb(int)]
    kept = weakref.ref(held[0], counter.add)
    run(held.clear, counter.add)
    assert kept() is None


def finalizer(counter):
    held = [Bomb(int)]
    weakref.finalize(held[0], counter.add)
    run(held.clear, counter.add)


def destructor(counter):
    held = [Bomb(counter.add)]
    run(held.clear, counter.add)


@pytest.mark.parametrize("body", [raw_thread, scheduler, weak_reference, finalizer, destructor])
def test_unusual_ways_to_run_code_are_steps(body):
    def program():
        counter = Racy()
        body(counter)
        assert counter.value == 2

    assert str(harness.explore(program).verdict) == "BROKEN"


class Unique(queue.Queue):
    """Keeps each item once."""

    def _init(self, maxsize):
        self.queue = set()

    def _put(self, item):
        self.queue.add(item)

    def _get(self):
        return self.queue.pop()

    def put_first(self, item):
        if self.empty():
            self.put(item)

    def peek(self):
        with self.mutex:
            return next(iter(self.queue))


def test_a_check_and_an_act_on_a_subclass_of_queue():
    def program():
        items = Unique()
        run(lambda: items.put_first(1), lambda: items.put_first(2))
        assert items.qsize() == 1

    assert str(harness.explore(program).verdict) == "BROKEN"


def test_the_inside_of_a_queue_looked_at_under_its_mutex():
    def program():
        items = Unique()
        items.put(1)
        run(items.get, items.peek)

    assert "StopIteration" in harness.explore(program).failure.error
