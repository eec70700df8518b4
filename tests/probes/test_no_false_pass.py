"""Each way in which another checker for Python threads was seen to pass a broken program: none passes here."""

from __future__ import annotations

import _thread
import os
import queue
import threading
import time

import late_names
import pytest
from sameness import run

import harness
from harness.probes import files
from harness.search import Bounded, Dpor
from harness.search.explore import explore as search
from harness.search.runner import Runner


class Racy:
    """A counter that loses an update if another task gets between its two halves."""

    def __init__(self):
        self.value = 0

    def add(self):
        harness.step("value", "read")
        seen = self.value
        harness.step("value")
        self.value = seen + 1


def broken(program, **options):
    result = harness.explore(program, **options)
    assert str(result.verdict) == "BROKEN", (result.verdict, result.reasons)
    return result.failure


def holds(program, **options):
    result = harness.explore(program, **options)
    assert result.ok, (result.verdict, result.reasons, result.failure)


# -- threads that nobody told us of ---------------------------------------------------------------------------


def test_a_thread_started_inside_a_worker():
    def program():
        counter = Racy()

        def outer():
            inner = threading.Thread(target=counter.add)
            inner.start()
            counter.add()
            inner.join()

        run(outer)
        assert counter.value == 2

    broken(program)


def test_a_timer():
    def program():
        counter = Racy()
        timer = late_names.fire(1.0, counter.add)
        timer.start()
        counter.add()
        timer.join()
        assert counter.value == 2

    broken(program)


def test_an_executor_inside():
    from concurrent.futures import ThreadPoolExecutor

    def program():
        counter = Racy()
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(counter.add) for _ in range(2)]:
                future.result()
        assert counter.value == 2

    broken(program)


def test_an_executor_at_module_level():
    def program():
        counter = Racy()
        for future in [late_names.pool.submit(counter.add) for _ in range(2)]:
            future.result()
        assert counter.value == 2

    broken(program)


def test_a_subclass_of_thread_bound_before():
    def program():
        counter = Racy()
        threads = [late_names.Worker(counter.add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counter.value == 2

    broken(program)


def test_a_raw_thread():
    def program():
        counter, done = Racy(), threading.Event()
        _thread.start_new_thread(lambda: (counter.add(), done.set()), ())
        counter.add()
        done.wait()
        assert counter.value == 2

    broken(program)


def test_a_thread_of_somebody_else_that_touches_an_object_of_the_program():
    event, stop, ready = threading.Event(), threading.Event(), threading.Event()

    def outside():
        while not stop.is_set():
            event.is_set()
            ready.set()
            time.sleep(0.0001)

    thread = threading.Thread(target=outside)
    thread.start()
    ready.wait()

    def program():
        run(event.set, event.is_set)

    try:
        with Runner(program) as runner:
            deadline = time.perf_counter() + 20
            reasons = []
            while not reasons and time.perf_counter() < deadline:
                reasons = search(runner, Bounded(2)).reasons
    finally:
        stop.set()
        thread.join()
    assert "was used by a thread that the program did not start" in reasons[0]


# -- names and objects from before ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: late_names.Lock(), lambda: late_names.RLock(), lambda: late_names.allocate_lock(),
        lambda: late_names.Counter.lock_class(), lambda: late_names.Box().lock, late_names.with_default,
        late_names.from_closure, late_names.from_partial, lambda: late_names.factories["lock"](),
        lambda: late_names.factories["raw"](), lambda: late_names.factories["list"][0](),
    ],
    ids=["name", "rname", "raw", "class", "dataclass", "default", "closure", "partial", "dict", "raw-dict", "list"],
)  # fmt: skip
def test_a_lock_of_a_name_bound_before_is_controlled(make):
    """Two of them in opposite orders: a deadlock that only a controlled lock shows."""

    def program():
        one, two = make(), make()

        def forwards():
            with one, two:
                pass

        def backwards():
            with two, one:
                pass

        run(forwards, backwards)

    assert broken(program).kind == "deadlock"


@pytest.mark.parametrize(
    ("find", "name"),
    [
        (lambda: late_names.made_lock, "lock late_names.made_lock"),
        (lambda: late_names.made_rlock, "rlock late_names.made_rlock"),
        (lambda: late_names.Counter.lock, "lock late_names.Counter.lock"),
        (lambda: late_names.module_counter.lock, "lock late_names.module_counter.lock"),
    ],
    ids=["lock", "rlock", "class", "instance"],
)
def test_a_lock_made_before_excludes_and_has_a_stable_name(find, name):
    names = set()

    def program():
        counter = late_names.Counter(find())

        def add():
            counter.add(harness.step)
            names.add(counter.lock.__dict__["_loadloom"].name)

        run(add, add)
        assert counter.value == 2

    holds(program)
    assert names == {name}


def test_a_lock_made_before_and_held_is_left_alone():
    with late_names.made_lock:
        kinds = set()
        harness.explore(lambda: kinds.add(type(late_names.made_lock)))
    assert kinds == {type(late_names.made_lock)}


def test_a_subclass_of_event_bound_before():
    def program():
        signal = late_names.Signal()
        run(signal.wait, signal.is_set)

    assert broken(program).kind == "deadlock"


def test_a_subclass_of_local_bound_before():
    def program():
        context = late_names.Context()

        def work():
            context.value = threading.get_ident()
            harness.step("switch")
            assert context.value == threading.get_ident()

        run(work, work)

    holds(program)


# -- operations that are not blocking -------------------------------------------------------------------------


def test_get_nowait_of_an_empty_queue():
    def program():
        q = queue.Queue()
        run(lambda: q.put(1), q.get_nowait)

    assert "Empty" in broken(program).error


def test_get_nowait_of_a_simple_queue():
    def program():
        q = queue.SimpleQueue()
        run(lambda: q.put(1), q.get_nowait)

    assert "Empty" in broken(program).error


def test_locked_as_a_check_before_an_act():
    def program():
        lock = threading.Lock()
        inside = []

        def enter():
            if not lock.locked():
                lock.acquire()
                inside.append(1)
                harness.step("inside")
                assert len(inside) == 1
                inside.pop()
                lock.release()
            else:
                assert lock.acquire(timeout=0)

        run(enter, enter)

    broken(program)


def test_full_after_a_timeout():
    def program():
        q = queue.Queue(1)
        q.put(1)
        run(lambda: q.put(2, timeout=1.0), q.get)

    assert "Full" in broken(program).error


def test_empty_after_a_timeout():
    def program():
        q = queue.Queue()
        run(lambda: q.get(timeout=1.0), lambda: q.put(1))

    assert "Empty" in broken(program).error


def test_a_wait_whose_timeout_matters():
    def program():
        event = threading.Event()
        run(lambda: event.wait(1.0) or 1 // 0, event.set)

    assert "ZeroDivisionError" in broken(program).error


def test_a_full_queue_seen_by_its_size():
    def program():
        q = queue.Queue()

        def put_one():
            if q.empty():
                q.put(1)

        run(put_one, put_one)
        assert q.qsize() == 1

    broken(program)


def test_unfinished_tasks_polled():
    def program():
        q = queue.Queue()
        q.put(1)
        done = []

        def work():
            q.get()
            q.task_done()
            harness.step("done")
            done.append(1)

        worker = threading.Thread(target=work)
        worker.start()
        while q.unfinished_tasks:
            time.sleep(0.01)
        harness.step("done", "read")
        assert done
        worker.join()

    broken(program)


# -- markers that are real files ------------------------------------------------------------------------------


def on_files(program, root):
    """Explore a program whose files under ``root`` are steps; each execution starts with it empty."""

    def clear():
        import shutil

        for name in os.listdir(root):
            path = os.path.join(root, name)
            (shutil.rmtree if os.path.isdir(path) else os.remove)(path)
        box.reset()

    box = files.Sandbox(str(root))
    with Runner(program, install=[lambda patches: files.install(patches, box)], before=clear) as runner:
        return search(runner, Dpor(), stop_at_first=True, max_executions=3000)


def publishing(publish, look):
    """A writer that says it is done before its marker is there, and a reader that believes it."""

    def program():
        state = {"done": False}

        def write():
            harness.step("state")
            state["done"] = True
            publish()

        def read():
            harness.step("state", "read")
            if state["done"]:
                assert look()

        run(write, read)

    return program


def write_file(path):
    with open(path, "w") as file:
        file.write("x")


@pytest.mark.parametrize(
    "case", ["isfile", "exists", "listdir", "scandir", "stat", "pathlib", "open", "glob", "walk", "getsize"]
)
def test_a_marker_that_is_a_real_file(case, tmp_path):
    import glob
    import pathlib

    path = str(tmp_path / "marker")
    looks = {
        "isfile": lambda: os.path.isfile(path),
        "exists": lambda: os.path.exists(path),
        "listdir": lambda: "marker" in os.listdir(tmp_path),
        "scandir": lambda: any(entry.name == "marker" for entry in os.scandir(tmp_path)),
        "stat": lambda: os.stat(path),
        "pathlib": lambda: pathlib.Path(path).exists(),
        "open": lambda: open(path).close() or True,
        "glob": lambda: glob.glob(str(tmp_path / "*")),
        "walk": lambda: any(names for _, _, names in os.walk(tmp_path)),
        "getsize": lambda: os.path.getsize(path),
    }
    found = on_files(publishing(lambda: write_file(path), looks[case]), tmp_path)
    assert str(found.verdict()) == "BROKEN"


def test_a_file_replaced_under_a_reader(tmp_path):
    path, other = str(tmp_path / "marker"), str(tmp_path / "temporary")

    def program():
        write_file(path)

        def replace():
            os.remove(path)
            write_file(other)
            os.replace(other, path)

        run(replace, lambda: os.path.isfile(path) or 1 // 0)

    assert str(on_files(program, tmp_path).verdict()) == "BROKEN"


def test_a_directory_renamed_under_a_writer(tmp_path):
    normalized, loaded = str(tmp_path / "normalized"), str(tmp_path / "loaded")

    def program():
        os.mkdir(normalized)
        run(lambda: write_file(os.path.join(normalized, "marker")), lambda: os.rename(normalized, loaded))

    found = on_files(program, tmp_path)
    assert str(found.verdict()) == "BROKEN"
    assert "FileNotFoundError" in found.findings[0].failure.error


def test_the_size_of_a_file_that_another_writes(tmp_path):
    path = str(tmp_path / "marker")

    def program():
        file = open(path, "wb", buffering=0)  # noqa: SIM115

        def write():
            file.write(b"x")
            file.close()

        run(write, lambda: os.path.getsize(path) or 1 // 0)

    assert str(on_files(program, tmp_path).verdict()) == "BROKEN"


# -- exceptions -----------------------------------------------------------------------------------------------


def test_an_exception_of_a_worker_that_needs_an_order():
    def program():
        counter = []

        def first():
            harness.step("counter")
            counter.append(1)

        def second():
            harness.step("counter")
            assert counter

        run(first, second)

    broken(program)


def test_an_exception_of_a_pools_worker_that_nobody_reads():
    def program():
        counter = []

        def second():
            harness.step("counter")
            assert counter

        def first():
            harness.step("counter")
            counter.append(1)

        late_names.pool.submit(first)
        late_names.pool.submit(second)

    broken(program)


def polls(rounds):
    """A program that looks so often whether another thread is done, and then takes it for granted."""

    def program():
        done = []

        def work():
            harness.step("done")
            done.append(True)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(rounds):
            harness.step("done", "read")
            if done:
                break
            time.sleep(1)
        harness.step("done", "read")
        seen = bool(done)
        thread.join()
        assert seen

    return program


@pytest.mark.parametrize(("rounds", "timeouts"), [(1, 0), (2, 0), (3, 1), (4, 2), (5, 3)])
def test_polls_that_give_up_on_a_thread_that_is_merely_slow(rounds, timeouts):
    broken(polls(rounds), timeouts=timeouts)


def test_polls_that_may_not_give_up_so_often_prove_nothing():
    result = harness.explore(polls(4), timeouts=1)
    assert (str(result.verdict), result.bounds) == ("BOUNDED", "at most 1 early time-out in an execution")


# -- budgets --------------------------------------------------------------------------------------------------


def fine():
    lock = threading.Lock()
    run(*[lambda: lock.acquire() and lock.release()] * 2)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_executions": 1}, "max_executions=1"),
        ({"time_budget": 0}, "time_budget"),
        ({"strategy": "random", "max_executions": 50}, "sampled 50"),
    ],
    ids=["limit", "time", "sampled"],
)
def test_a_search_cut_short_claims_nothing(options, reason):
    result = harness.explore(fine, **options)
    assert str(result.verdict) == "INCONCLUSIVE"
    assert reason in "".join(result.reasons)


def test_a_program_that_shares_nothing_is_vacuous():
    assert str(harness.explore(lambda: run(int, int)).verdict) == "VACUOUS"


def test_exploring_inside_of_a_program_is_refused():
    result = harness.explore(lambda: harness.explore(fine))
    assert "UsageError: an exploration inside another" in result.failure.error
