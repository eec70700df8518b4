"""Nothing that is raised, by whom it may be, hangs the loader, is lost, or ends in a false success."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loading import LedgerMemory, MemoryDestination, ScriptedJob, fails, fails_times, package

from refimpl.errors import Interrupted, JobsFailed, PackageError, RetriesExhausted, TerminalError, chain
from refimpl.job import JobState, LoadJob, RunnableLoadJob
from refimpl.loader import Loader
from refimpl.package import JobSpec, Manifest
from refimpl.run import Backoff
from refimpl.storage import PackageStorage
from refimpl.summary import JobResult

AT_ONCE = Backoff(first=0)
WORKERS = pytest.mark.parametrize("workers", [0, 2])


class Unmakeable(MemoryDestination):
    """Cannot make the object of job b."""

    def __init__(self, error: Exception, times: int = 99) -> None:
        super().__init__()
        self.error = error
        self.times = times

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        if spec.job_id == "b" and self.times:
            self.times -= 1
            raise self.error
        return super().job(spec)


@WORKERS
def test_job_that_cannot_be_made_is_tried_again(tmp_path: Path, workers: int) -> None:
    summary = Loader(package(tmp_path, *"abc"), Unmakeable(OSError("down"), 2), workers=workers, backoff=AT_ONCE).run()
    assert (summary.by_state, summary.attempts) == ({"completed": 3}, 5)


@WORKERS
def test_job_that_can_never_be_made_stops_no_other(tmp_path: Path, workers: int) -> None:
    destination = Unmakeable(OSError("down"))
    with pytest.raises(RetriesExhausted, match=r"job b .*: down"):
        Loader(package(tmp_path, *"abc"), destination, workers=workers, backoff=AT_ONCE).run()
    assert sorted(destination.commits) == ["a", "c"]


def test_job_that_cannot_be_made_for_good_is_failed_with_evidence(tmp_path: Path) -> None:
    summary = Loader(package(tmp_path, *"abc"), Unmakeable(TerminalError("no such format"))).run()
    assert "no such format" in summary.failed[0].message


def test_job_that_cannot_be_made_for_good_has_a_ledger_row(tmp_path: Path) -> None:
    class Ledger(LedgerMemory):
        def job(self, spec: JobSpec) -> RunnableLoadJob:
            raise TerminalError("no such format")

    destination = Ledger()
    Loader(package(tmp_path, "a"), destination).run()
    assert destination.rows["a"].state == "failed"


@pytest.mark.parametrize("method", ["acquire", "ledger", "prepare", "complete_load"])
def test_error_of_the_destination_around_the_jobs_is_raised_and_the_package_stays(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, destination = package(tmp_path, "a"), LedgerMemory()

    def refuse(*arguments: object) -> None:
        raise ConnectionRefusedError("no route")

    with monkeypatch.context() as patch:
        patch.setattr(destination, method, refuse)
        with pytest.raises(ConnectionRefusedError):
            Loader(storage, destination).run()
    Loader(storage, destination).run()
    assert (destination.commits, destination.loads) == (["a"], ["load-1"])


def test_error_of_the_callback_for_results_is_raised_and_the_package_resumes(tmp_path: Path) -> None:
    def refuse(result: JobResult) -> None:
        raise RuntimeError("no display")

    storage, destination = package(tmp_path, *"abc"), LedgerMemory()
    with pytest.raises(RuntimeError, match="no display"):
        Loader(storage, destination, workers=1, on_result=refuse).run()
    assert Loader(storage, destination).run().by_state == {"completed": 3}


def test_executor_that_is_shut_down_is_an_error_and_no_hang(tmp_path: Path) -> None:
    import concurrent.futures

    executor = concurrent.futures.ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        Loader(package(tmp_path, "a"), MemoryDestination(), executor=executor).run()


@WORKERS
def test_of_several_errors_none_is_lost(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination(a=fails(OSError("a down")), c=fails(OSError("c down")))
    with pytest.raises(RetriesExhausted) as raised:
        Loader(package(tmp_path, *"abc"), destination, workers=workers, max_attempts=1).run()
    shown = "".join(traceback.format_exception(raised.type, raised.value, None))
    assert "a down" in shown
    assert "c down" in shown


def test_error_of_the_first_job_is_raised_although_another_came_before_it(tmp_path: Path) -> None:
    destination = MemoryDestination(a=fails(OSError("a down")), c=fails(SystemExit(3)))
    with pytest.raises(RetriesExhausted, match="a down"):
        Loader(package(tmp_path, *"abc"), destination, workers=1, max_attempts=2, backoff=AT_ONCE).run()


def test_error_of_a_worker_is_not_lost_when_the_loader_is_interrupted(tmp_path: Path) -> None:
    class NoMarker(Loader):
        def write_marker(self, job: LoadJob, state: JobState) -> None:
            raise OSError(28, "No space left on device")

        def poll(self, run: Any, woken: bool) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        NoMarker(package(tmp_path, "a"), MemoryDestination()).run()
    assert "No space left" in "".join(traceback.format_exception(raised.type, raised.value, None))


def test_chain_does_not_hang_on_a_circle() -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__context__, second.__context__ = second, first
    chain(first, ValueError("3"))


def test_chain_does_not_hang_an_error_under_itself() -> None:
    error = ValueError("1")
    chain(error, error)
    assert error.__context__ is None


@WORKERS
def test_prepare_comes_before_every_job(tmp_path: Path, workers: int) -> None:
    order: list[str] = []

    class Prepared(MemoryDestination):
        def prepare(self, manifest: Manifest) -> None:
            order.append("prepare")

        def job(self, spec: JobSpec) -> RunnableLoadJob:
            order.append(spec.job_id)
            return super().job(spec)

    Loader(package(tmp_path, "a"), Prepared(), workers=workers).run()
    assert order == ["prepare", "a"]


# -- waiting before a retry, on a clock of our own


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        patch.setattr("refimpl.run.time.monotonic", lambda: self.now)
        patch.setattr("refimpl.loader.time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    with monkeypatch.context() as patch:
        yield Clock(patch)


def test_each_retry_waits_longer_than_the_one_before(tmp_path: Path, clock: Clock) -> None:
    destination = MemoryDestination(a=fails_times(4, OSError("down")))
    backoff = Backoff(first=0.1, factor=2)
    Loader(package(tmp_path, "a"), destination, workers=0, backoff=backoff).run()
    assert clock.slept == [0.1, 0.2, 0.4, 0.8]


def test_wait_has_a_limit() -> None:
    backoff = Backoff(first=1, factor=10, longest=30)
    assert [backoff.before(attempt) for attempt in (2, 3, 4, 5)] == [1, 10, 30, 30]


def test_long_wait_is_taken_in_steps_so_that_a_stop_is_heard(tmp_path: Path, clock: Clock) -> None:
    destination = MemoryDestination(a=fails_times(1, OSError("down")))
    loader = Loader(package(tmp_path, "a"), destination, workers=0, backoff=Backoff(first=2.5), poll_interval=1.0)
    loader.run()
    assert clock.slept == [1.0, 1.0, 0.5]


def test_the_others_do_not_wait(tmp_path: Path, clock: Clock) -> None:
    destination = MemoryDestination(a=fails_times(1, OSError("down")))
    Loader(package(tmp_path, *"abc"), destination, workers=0).run()
    assert destination.commits == ["b", "c", "a"]


# -- failed jobs


def test_abort_on_failed_jobs_starts_no_other(tmp_path: Path) -> None:
    destination = MemoryDestination(b=fails(TerminalError("bad")))
    summary = Loader(package(tmp_path, *"abcd"), destination, workers=0, abort_on_failed_jobs=True).run()
    assert (destination.commits, summary.by_state) == (["a"], {"completed": 1, "failed": 3})


def test_abort_on_failed_jobs_says_why_the_others_did_not_run(tmp_path: Path) -> None:
    destination = LedgerMemory(a=fails(TerminalError("bad")))
    Loader(package(tmp_path, "a", "b"), destination, workers=0, abort_on_failed_jobs=True).run()
    assert "aborted because a failed" in destination.rows["b"].message


def test_abort_and_raise_go_together(tmp_path: Path) -> None:
    storage = package(tmp_path, "a", "b")
    destination = MemoryDestination(a=fails(TerminalError("bad")))
    with pytest.raises(JobsFailed, match="2 jobs failed, first a: bad"):
        Loader(storage, destination, workers=0, abort_on_failed_jobs=True, raise_on_failed_jobs=True).run()
    assert storage.packages("loaded") == ["load-1"]


@pytest.mark.parametrize("kind", [MemoryDestination, LedgerMemory])
def test_abort_package_runs_nothing(tmp_path: Path, kind: Any) -> None:
    storage, destination = package(tmp_path, "a", "b"), kind()
    summary = Loader(storage, destination).abort_package("load-1", "not needed")
    assert (destination.commits, summary.by_state, storage.packages("loaded")) == ([], {"failed": 2}, ["load-1"])


def test_abort_package_keeps_what_is_done(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a", "b"), LedgerMemory(b=fails(OSError("down")))
    with pytest.raises(RetriesExhausted):
        Loader(storage, destination, max_attempts=1).run()
    assert Loader(storage, destination).abort_package("load-1").by_state == {"completed": 1, "failed": 1}


def test_abort_package_makes_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination, prepared = LedgerMemory(), []
    monkeypatch.setattr(destination, "prepare", prepared.append)
    Loader(package(tmp_path, "a"), destination).abort_package("load-1")
    assert prepared == []


def test_abort_of_a_package_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="is not there"):
        Loader(PackageStorage(tmp_path, "process"), MemoryDestination()).abort_package("load-1")


def test_ended_package_is_not_run_again(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    Loader(storage, MemoryDestination()).run()
    with pytest.raises(PackageError, match="has ended"):
        Loader(storage, MemoryDestination()).run_package("load-1")


# -- to stop


@WORKERS
def test_stop_runs_what_is_running_to_its_end(tmp_path: Path, workers: int) -> None:
    storage, destination = package(tmp_path, *"abc"), MemoryDestination()
    loader = Loader(storage, destination, workers=workers and 1)

    def stop(job: ScriptedJob) -> None:
        loader.stop()

    destination.behaviour["a"] = stop
    with pytest.raises(Interrupted):
        loader.run()
    assert destination.commits == ["a"]


def test_stopped_package_is_resumed(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, *"abc"), MemoryDestination()
    loader = Loader(storage, destination, workers=0)
    destination.behaviour["a"] = lambda job: loader.stop()
    with pytest.raises(Interrupted):
        loader.run()
    summary = Loader(storage, destination).run()
    assert (summary.resumed, sorted(destination.commits)) == (1, list("abc"))


def test_stop_that_comes_when_all_is_done_changes_nothing(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()
    loader = Loader(storage, destination, workers=0)
    destination.behaviour["a"] = lambda job: loader.stop()
    assert loader.run().by_state == {"completed": 1}


def test_stop_while_only_a_retry_waits_is_heard_within_the_poll_interval(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = MemoryDestination(a=fails(OSError("down")))
    loader = Loader(package(tmp_path, "a"), destination, workers=0, backoff=Backoff(first=20), poll_interval=1.0)

    def stop_and_sleep(seconds: float) -> None:
        loader.stop()
        clock.sleep(seconds)

    monkeypatch.setattr("refimpl.loader.time.sleep", stop_and_sleep)
    with pytest.raises(Interrupted):
        loader.run()
    assert clock.slept == [1.0]


def test_jobs_of_a_batch_that_were_not_reached_are_run_by_the_next_run(tmp_path: Path) -> None:
    names = [f"j{number:03d}" for number in range(40)]
    storage, destination = package(tmp_path, *names), MemoryDestination()
    loader = Loader(storage, destination, workers=1)  # so that ten jobs are handed over at once
    destination.behaviour["j002"] = lambda job: loader.stop()
    with pytest.raises(Interrupted):
        loader.run()
    assert destination.commits == names[:3]
    Loader(storage, destination).run()
    assert sorted(destination.commits) == names


# -- signals

SIGNALLED = textwrap.dedent(
    """
    import sys, threading
    sys.path.insert(0, sys.argv[2])
    from loading import MemoryDestination
    from refimpl.errors import Interrupted
    from refimpl.interrupts import stopping
    from refimpl.loader import Loader
    from refimpl.storage import PackageStorage

    def slow(job):
        print("running", flush=True)
        sys.stdin.readline()
        print("through", flush=True)

    destination = MemoryDestination(a=slow, b=slow)
    loader = Loader(PackageStorage(sys.argv[1], "process"), destination, workers=1)
    try:
        with stopping(loader.stop):
            loader.run()
    except Interrupted:
        print("stopped", destination.commits, flush=True)
    """
)


class Signalled:
    """A loader in a process of its own, in the middle of its first job."""

    def __init__(self, root: Path) -> None:
        self.storage = package(root, "a", "b")
        here = str(Path(__file__).parent)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SIGNALLED, str(root), here],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "running\n"

    def signal(self, number: int) -> None:
        self.process.send_signal(number)
        assert self.process.stderr is not None
        assert "stopping" in self.process.stderr.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_lets_the_running_job_end(tmp_path: Path, number: int) -> None:
    running = Signalled(tmp_path)
    running.signal(number)
    said, _ = running.process.communicate("go on\n", timeout=30)
    assert said == "through\nstopped ['a']\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_ends_the_process_at_once(tmp_path: Path, number: int) -> None:
    running = Signalled(tmp_path)
    running.signal(number)
    running.process.send_signal(number)
    running.process.wait(timeout=30)  # its input stays open: the job cannot end
    said, _ = running.process.communicate()
    assert (running.process.returncode, said) == (128 + number, "")


@pytest.mark.parametrize("signals", [1, 2])
def test_package_resumes_after_signals(tmp_path: Path, signals: int) -> None:
    running = Signalled(tmp_path)
    running.signal(signal.SIGINT)
    if signals == 2:
        running.process.send_signal(signal.SIGINT)
        running.process.wait(timeout=30)
    running.process.communicate("go on\n" if signals == 1 else None, timeout=30)
    destination = MemoryDestination()
    summary = Loader(running.storage, destination).run()
    assert (summary.by_state, summary.resumed) == ({"completed": 2}, 2 - signals)
    assert os.listdir(tmp_path / "claims") == []


def test_outside_of_the_main_thread_signals_are_left_alone() -> None:
    from refimpl.interrupts import stopping

    before = signal.getsignal(signal.SIGINT)

    def use() -> None:
        with stopping(lambda: None):
            pass

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before
