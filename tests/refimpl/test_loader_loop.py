"""The loader's loop: start, poll, complete, retry, finalise."""

from __future__ import annotations

import concurrent.futures
import threading
from pathlib import Path

import pytest
from loading import MemoryDestination, ScriptedJob, fails, fails_times, files_under, ok, package

from refimpl import hooks
from refimpl.errors import JobsFailed, RetriesExhausted, TerminalError
from refimpl.job import JobState, LoadJob
from refimpl.loader import Loader
from refimpl.package import NewJob
from refimpl.storage import PackageStorage
from refimpl.summary import JobResult

WORKERS = pytest.mark.parametrize("workers", [0, 1, 3])


@WORKERS
def test_every_job_is_committed_once(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination()
    Loader(package(tmp_path, *"abcde"), destination, workers=workers).run()
    assert sorted(destination.commits) == list("abcde")


@WORKERS
def test_package_ends_in_loaded(tmp_path: Path, workers: int) -> None:
    storage = package(tmp_path, *"abc")
    Loader(storage, MemoryDestination(), workers=workers).run()
    assert (storage.packages(), storage.packages("loaded")) == ([], ["load-1"])


@WORKERS
def test_nothing_but_manifest_and_outcome_is_left(tmp_path: Path, workers: int) -> None:
    Loader(package(tmp_path, *"abc"), MemoryDestination(b=fails(TerminalError("no"))), workers=workers).run()
    assert files_under(tmp_path) == ["loaded/load-1/manifest", "loaded/load-1/outcome"]


@WORKERS
def test_load_is_recorded_once(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination()
    Loader(package(tmp_path, *"abc"), destination, workers=workers).run()
    assert destination.loads == ["load-1"]


@WORKERS
def test_failed_job_does_not_stop_the_others(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination(a=fails(TerminalError("no")))
    summary = Loader(package(tmp_path, *"abc"), destination, workers=workers).run()
    assert summary.by_state == {"failed": 1, "completed": 2}


def test_failed_job_keeps_its_message_in_the_ended_package(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    Loader(storage, MemoryDestination(a=fails(TerminalError("bad data")))).run()
    outcome = storage.read_outcome(storage.manifest("load-1", "loaded"), "loaded")
    assert outcome is not None
    assert "bad data" in outcome["a"].message


def test_raise_on_failed_jobs_raises_after_the_package_ended(tmp_path: Path) -> None:
    storage = package(tmp_path, "a", "b")
    loader = Loader(storage, MemoryDestination(a=fails(TerminalError("bad"))), raise_on_failed_jobs=True)
    with pytest.raises(JobsFailed, match="a: bad"):
        loader.run()
    assert storage.packages("loaded") == ["load-1"]


@WORKERS
def test_retried_job_gets_through(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination(a=fails_times(2, OSError("down")))
    summary = Loader(package(tmp_path, "a"), destination, workers=workers).run()
    assert (summary.by_state, summary.attempts) == ({"completed": 1}, 3)


@WORKERS
def test_job_that_never_gets_through_is_given_up(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination(a=fails(OSError("down")))
    with pytest.raises(RetriesExhausted, match="3 attempts: down"):
        Loader(package(tmp_path, "a"), destination, workers=workers, max_attempts=3).run()


def test_given_up_job_leaves_its_package_for_a_later_run(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a", "b"), MemoryDestination(a=fails(OSError("down")))
    with pytest.raises(RetriesExhausted):
        Loader(storage, destination).run()
    destination.behaviour["a"] = ok
    Loader(storage, destination).run()
    assert destination.commits == ["b", "a"]


def test_given_up_job_does_not_keep_the_others_from_running(tmp_path: Path) -> None:
    destination = MemoryDestination(a=fails(OSError("down")))
    with pytest.raises(RetriesExhausted):
        Loader(package(tmp_path, *"abcd"), destination, workers=1).run()
    assert destination.commits == list("bcd")


@WORKERS
def test_many_packages_are_loaded_oldest_first(tmp_path: Path, workers: int) -> None:
    storage = PackageStorage(tmp_path, "process")
    for load_id in ("load-2", "load-1", "load-3"):
        storage.create_package(load_id, [NewJob("a")])
    assert Loader(storage, MemoryDestination(), workers=workers).run().load_ids == ("load-1", "load-2", "load-3")


def test_package_without_jobs_is_ended(tmp_path: Path) -> None:
    storage = package(tmp_path)
    Loader(storage, MemoryDestination()).run()
    assert storage.packages("loaded") == ["load-1"]


def test_without_workers_all_runs_in_the_calling_thread(tmp_path: Path) -> None:
    destination = MemoryDestination()
    Loader(package(tmp_path, *"abc"), destination, workers=0).run()
    assert destination.threads == {threading.get_ident()}


def test_no_more_jobs_run_at_once_than_workers(tmp_path: Path) -> None:
    lock, at_once, most = threading.Lock(), 0, 0

    def count(job: ScriptedJob) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.005)
        with lock:
            at_once -= 1

    names = [f"j{number}" for number in range(12)]
    destination = MemoryDestination(**dict.fromkeys(names, count))
    with concurrent.futures.ThreadPoolExecutor(12) as executor:
        Loader(package(tmp_path, *names), destination, workers=3, executor=executor).run()
    assert most <= 3


def test_jobs_run_side_by_side(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=10)

    def meet(job: ScriptedJob) -> None:
        together.wait()

    summary = Loader(package(tmp_path, *"abc"), MemoryDestination(a=meet, b=meet, c=meet), workers=3).run()
    assert summary.attempts == 3


def test_injected_executor_is_used_and_left_open(tmp_path: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        Loader(package(tmp_path, "a"), MemoryDestination(), executor=executor).run()
        assert executor.submit(int, "3").result() == 3


def test_own_executor_leaves_no_thread(tmp_path: Path) -> None:
    Loader(package(tmp_path, *"abc"), MemoryDestination()).run()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loadloom")]


class NoMarkerFor(Loader):
    """A loader whose disk refuses the marker of one job."""

    refused = "b"

    def write_marker(self, job: LoadJob, state: JobState) -> None:
        if job.job_id == self.refused:
            raise OSError(28, "No space left on device")
        super().write_marker(job, state)


@WORKERS
def test_marker_that_cannot_be_written_is_raised(tmp_path: Path, workers: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        NoMarkerFor(package(tmp_path, *"abc"), MemoryDestination(), workers=workers).run()


@WORKERS
def test_package_without_evidence_of_a_job_is_not_ended(tmp_path: Path, workers: int) -> None:
    storage = package(tmp_path, *"abc")
    with pytest.raises(OSError, match="No space left"):
        NoMarkerFor(storage, MemoryDestination(), workers=workers).run()
    assert storage.packages() == ["load-1"]


@WORKERS
def test_the_other_jobs_are_run_all_the_same(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination()
    with pytest.raises(OSError, match="No space left"):
        NoMarkerFor(package(tmp_path, *"abc"), destination, workers=workers).run()
    assert sorted(destination.commits) == list("abc")


@WORKERS
def test_of_several_errors_that_of_the_first_job_is_raised(tmp_path: Path, workers: int) -> None:
    destination = MemoryDestination(a=fails(OSError("a down")), c=fails(OSError("c down")))
    with pytest.raises(RetriesExhausted, match="job a "):
        Loader(package(tmp_path, *"abc"), destination, workers=workers, max_attempts=1).run()


@WORKERS
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupt_in_a_worker_is_raised_by_the_loader(tmp_path: Path, workers: int, error: type) -> None:
    with pytest.raises(error):
        Loader(package(tmp_path, "a"), MemoryDestination(a=fails(error())), workers=workers).run()


def test_interrupt_of_the_loader_waits_for_the_running_jobs(tmp_path: Path) -> None:
    running, destination = threading.Event(), MemoryDestination()

    def slow(job: ScriptedJob) -> None:
        running.set()
        threading.Event().wait(0.05)

    class Interrupted(Loader):
        def wait(self, run: object) -> bool:
            running.wait(10)
            raise KeyboardInterrupt

    destination.behaviour["a"] = slow
    with pytest.raises(KeyboardInterrupt):
        Interrupted(package(tmp_path, "a"), destination).run()
    assert destination.commits == ["a"]


def test_worker_that_dies_without_publishing_is_an_error_and_no_hang(tmp_path: Path) -> None:
    def crash(name: str, subject: object) -> None:
        if name == "job.publish":
            raise RuntimeError("died")

    hooks.attach(crash)
    try:
        with pytest.raises(RuntimeError, match="died"):
            Loader(package(tmp_path, "a"), MemoryDestination(), poll_interval=0.01).run()
    finally:
        hooks.detach(crash)


def test_wake_up_alone_is_enough(tmp_path: Path) -> None:
    """With a poll interval of an hour a lost wake-up would show as a test that never ends."""
    names = [f"j{number}" for number in range(200)]
    summary = Loader(package(tmp_path, *names), MemoryDestination(), workers=8, poll_interval=3600).run()
    assert summary.by_state == {"completed": 200}


def test_connection_that_does_not_close_is_a_warning(tmp_path: Path) -> None:
    class Sticky(MemoryDestination):
        def client(self) -> StickyClient:  # type: ignore[override]
            return StickyClient()

    class StickyClient:
        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> None:
            raise OSError("reset")

    summary = Loader(package(tmp_path, "a"), Sticky()).run()
    assert summary.jobs[0].warning == "its connection did not close: OSError: reset"


def test_on_result_is_called_for_each_job(tmp_path: Path) -> None:
    results: list[JobResult] = []
    Loader(package(tmp_path, *"abc"), MemoryDestination(), on_result=results.append).run()
    assert sorted(result.job_id for result in results) == list("abc")


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"max_attempts": 0}])
def test_senseless_limits_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Loader(package(tmp_path), MemoryDestination(), **wrong)  # type: ignore[arg-type]
