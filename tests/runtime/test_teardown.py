"""The end of an execution: tasks that stand somewhere are unwound, and nothing that they do counts."""

from __future__ import annotations

import gc
import os
import threading
import time
import tracemalloc
from pathlib import Path

import greenlet

import harness
from harness.probes import files
from harness.runtime import execution as executions
from harness.search import Fixed
from harness.search.runner import Runner


def once(program, **options):
    with Runner(program, **options) as runner:
        return runner.run(Fixed(()))


def start(*targets, daemon=True):
    for target in targets:
        threading.Thread(target=target, daemon=daemon).start()


def abandon(target):
    """Start a daemon, let it run until it waits, and leave it there."""
    begun = threading.Event()

    def go():
        begun.set()
        target()

    start(go)
    begun.wait()


def test_finally_blocks_of_abandoned_tasks_run():
    ran = []

    def waits():
        try:
            threading.Event().wait()
        finally:
            ran.append("finally")

    once(lambda: abandon(waits))
    assert ran == ["finally"]


def test_with_blocks_of_abandoned_tasks_do_not_fail():
    lock = threading.RLock()

    def waits():
        condition = threading.Condition()
        with lock, condition, threading.Semaphore():
            condition.wait()

    execution = once(lambda: abandon(waits))
    assert execution.failures == []


def test_an_exception_raised_while_unwinding_does_not_count():
    def waits():
        try:
            threading.Event().wait()
        finally:
            raise KeyError

    execution = once(lambda: abandon(waits))
    assert execution.failures == []


def test_abandoned_tasks_make_no_step_and_start_no_thread():
    started = []

    def waits():
        try:
            threading.Event().wait()
        finally:
            threading.Thread(target=started.append, args=(1,)).start()
            harness.step("after the end")

    execution = once(lambda: abandon(waits))
    assert started == []
    assert execution.steps[-1].kind == "wait"


def test_a_loop_that_swallows_everything_ends():
    turns = []

    def stubborn():
        event = threading.Event()
        while True:
            try:
                event.wait()
            except BaseException:
                turns.append(1)

    try:
        once(lambda: abandon(stubborn))
        assert 100 < len(turns) < 10_000
    finally:
        executions._stranded.clear()


def test_an_abandoned_task_writes_no_file(tmp_path):
    path = str(tmp_path / "marker")

    def waits():
        with open(path, "w") as file:
            file.write("buffered")
            try:
                threading.Event().wait()
            finally:
                file.write("late")

    box = files.Sandbox(str(tmp_path))
    once(lambda: abandon(waits), install=[lambda patches: files.install(patches, box)])
    assert Path(path).read_text() == ""
    assert os.listdir(tmp_path) == ["marker"]


def test_an_abandoned_task_changes_no_directory(tmp_path):
    def waits():
        try:
            threading.Event().wait()
        finally:
            os.mkdir(tmp_path / "late")

    box = files.Sandbox(str(tmp_path))
    once(lambda: abandon(waits), install=[lambda patches: files.install(patches, box)])
    assert os.listdir(tmp_path) == []


def test_what_is_unwound_after_a_listener_failed_does_not_block():
    """With a listener's error pending the facades must still refuse, not wait for real."""

    def waits():
        event = threading.Event()
        try:
            event.wait()
        finally:
            event.wait()

    def listener(execution, step):
        if step.kind == "sleep":
            raise KeyError("listener")

    def program():
        abandon(waits)
        time.sleep(1)
        time.sleep(1)

    began = time.perf_counter()
    try:
        once(program, listener=listener)
    except KeyError:
        pass
    assert time.perf_counter() - began < 5


def test_the_process_is_itself_again_after_a_deadlock():
    once(lambda: threading.Event().wait())
    assert threading.current_thread() is threading.main_thread()
    assert threading.get_ident() == threading.main_thread().ident
    assert harness.step("outside") is None


def small():
    lock = threading.Lock()
    shared = []

    def work():
        with lock:
            shared.append(1)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def abandoning():
    start(threading.Event().wait, threading.Event().wait)
    threading.Event().wait()


def greenlets():
    gc.collect()
    return sum(isinstance(thing, greenlet.greenlet) for thing in gc.get_objects())


def test_greenlets_do_not_pile_up():
    for program in (small, abandoning):
        with Runner(program) as runner:
            runner.run(Fixed(()))
            before = greenlets()
            for _ in range(200):
                runner.run(Fixed(()))
            assert greenlets() <= before + 2


def test_ten_thousand_executions_take_no_more_memory():
    with Runner(small) as runner:
        for _ in range(1000):
            runner.run(Fixed(()))
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(500):
                runner.run(Fixed(()))
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(1500):
                runner.run(Fixed(()))
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert grown < 100_000  # bytes; one leaked operation in each would be 300,000
        for _ in range(7000):
            runner.run(Fixed(()))
