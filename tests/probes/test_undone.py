"""After an exploration, however it ended, nothing of it is left in the process."""

from __future__ import annotations

import builtins
import concurrent.futures
import concurrent.futures._base
import concurrent.futures.thread
import gc
import os
import queue
import signal
import threading
import time
import types

import late_names
import pytest
from sameness import run

import harness
from harness.probes import files
from harness.search import Dpor
from harness.search.explore import explore as search
from harness.search.runner import Runner

MODULES = [
    threading, time, queue, concurrent.futures, concurrent.futures._base, concurrent.futures.thread, os, os.path,
    builtins, late_names,
]  # fmt: skip


def picture():
    """Every name of the modules, and every attribute of their classes, with the object that it stands for."""
    seen = {}
    for module in MODULES:
        for name, value in vars(module).items():
            seen[module.__name__, name] = value
            if isinstance(value, type) and value.__module__ == module.__name__:
                seen.update({(module.__name__, name, key): held for key, held in vars(value).items()})
            if isinstance(value, types.FunctionType):
                seen[module.__name__, name, "defaults"] = value.__defaults__
                for n, cell in enumerate(value.__closure__ or ()):
                    seen[module.__name__, name, n] = cell.cell_contents
    seen["partial"] = late_names.from_partial.args[0]
    seen["dict"] = late_names.factories["lock"]
    seen["list"] = late_names.factories["list"][0]
    seen["instance"] = late_names.module_counter.lock
    seen["gc"] = gc.isenabled()
    seen["signal"] = signal.getsignal(signal.SIGINT)
    return seen


def passes():
    lock = threading.Lock()
    run(*[lambda: lock.acquire() and lock.release()] * 2)


def fails():
    run(lambda: 1 // 0)


def hangs():
    threading.Event().wait()


def polls_for_ever():
    while True:
        time.sleep(1)


def fails_badly():
    raise SystemExit(3)


@pytest.mark.parametrize("program", [passes, fails, hangs, polls_for_ever, fails_badly])
@pytest.mark.filterwarnings("ignore")
def test_every_name_is_the_object_that_it_was(program, tmp_path):
    before = picture()
    box = files.Sandbox(str(tmp_path))
    with Runner(program, install=[lambda patches: files.install(patches, box)]) as runner:
        during = picture()
        search(runner, Dpor(), max_executions=3)
    after = picture()
    assert [name for name in before if before[name] is not after.get(name)] == []
    assert set(after) == set(before)
    assert len([name for name in before if before[name] is not during.get(name)]) > 60


def test_an_interrupted_exploration_is_undone():
    before = picture()

    def interrupt(_):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        harness.explore(passes, strategy="dfs", progress=interrupt)
    assert [name for name, value in picture().items() if before[name] is not value] == []


def test_an_error_in_a_listener_is_raised_and_undone():
    before = picture()

    def listener(execution, step):
        if len(execution.steps) > 4:
            raise KeyError("listener")

    with pytest.raises(KeyError), Runner(passes, listener=listener) as runner:
        search(runner, Dpor())
    assert [name for name, value in picture().items() if before[name] is not value] == []


def test_an_error_while_patching_is_undone():
    before = picture()

    def fail(_):
        raise KeyError("patching")

    runner = Runner(passes, install=[lambda patches: patches.on_apply(fail)])
    with pytest.raises(KeyError), runner:
        raise AssertionError("it should not have come so far")
    assert [name for name, value in picture().items() if before[name] is not value] == []
    assert harness.explore(passes).ok


def test_real_threads_work_afterwards():
    harness.explore(hangs)
    q, done = queue.Queue(), []
    thread = threading.Thread(target=lambda: done.append(q.get()))
    thread.start()
    q.put(1)
    thread.join(5)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: 2).result(5) == 2
    assert done == [1]
    assert threading.active_count() == len(threading.enumerate())


def test_objects_made_in_a_program_do_no_harm_outside():
    kept = []

    def program():
        kept.append((threading.Lock(), threading.RLock(), threading.Event(), queue.Queue(), queue.SimpleQueue()))

    harness.explore(program)
    lock, rlock, event, q, simple = kept[0]
    with lock, rlock:
        assert not event.is_set()
    event.set()
    q.put(1)
    simple.put(2)
    assert (event.wait(), q.get(), simple.get()) == (True, 1, 2)


def test_one_exploration_after_another():
    assert [str(harness.explore(p).verdict) for p in (passes, fails, passes)] == ["PROVED", "BROKEN", "PROVED"]


def test_no_thread_and_no_dummy_thread_is_left():
    before = dict(threading._active)
    harness.explore(lambda: run(threading.current_thread, threading.get_ident))
    assert dict(threading._active) == before


def test_a_module_imported_by_a_task_is_controlled_then_and_real_afterwards(tmp_path, monkeypatch):
    text = "import threading\nfrom threading import Lock\nlock = Lock()\nclass Context(threading.local):\n    pass\n"
    (tmp_path / "imported_late.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    kinds, names = set(), set()

    def program():
        import imported_late

        def work():
            with imported_late.lock:
                harness.step("shared")
            names.add(imported_late.lock.__dict__["_loadloom"].name)

        run(work, work)
        kinds.add(imported_late.Context.__bases__)

    result = harness.explore(program)
    assert result.ok, result.reasons
    import imported_late

    assert names == {"lock imported_late.lock"}
    assert type(imported_late.lock) is type(threading.Lock())
    assert imported_late.Lock is threading.Lock
    assert kinds == {(threading.local,)}


def test_a_real_thread_started_by_an_import_is_told(tmp_path, monkeypatch):
    text = "import threading\nthread = threading.Thread(target=int)\nthread.start()\nthread.join()\n"
    (tmp_path / "starts_a_thread.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))

    def program():
        import starts_a_thread  # noqa: F401

        passes()

    result = harness.explore(program)
    assert str(result.verdict) == "INCONCLUSIVE"
    assert "outside our control: a thread running" in result.reasons[0]
