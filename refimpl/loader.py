"""The loader: starts a package's jobs, watches them on one shared event, and ends the package when all are through.

It runs in one thread and alone keeps the books; a worker only runs its job, writes its marker and publishes its state.
"""

from __future__ import annotations

import concurrent.futures
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from refimpl import hooks
from refimpl.destinations.base import Destination
from refimpl.errors import JobsFailed, RetriesExhausted
from refimpl.job import JobState, LoadJob, RunnableLoadJob
from refimpl.package import COMPLETED, FAILED, Evidence, JobSpec, Lease, Manifest, Repair
from refimpl.recovery import recover
from refimpl.storage import PackageStorage
from refimpl.summary import JobResult, LoadSummary


@dataclass(frozen=True)
class Running:
    """A job that a worker has."""

    job: RunnableLoadJob
    future: concurrent.futures.Future[None] | None  # None: it was run on the spot


@dataclass
class PackageRun:
    """The loader's notes on one package while it runs it. Only the loader's thread touches them."""

    manifest: Manifest
    done_event: threading.BoundedSemaphore
    lease: Lease
    waiting: deque[tuple[JobSpec, int]] = field(default_factory=deque)  # (job, number of the attempt to come)
    running: dict[str, Running] = field(default_factory=dict)
    results: dict[str, JobResult] = field(default_factory=dict)  # terminal with evidence
    followed: dict[str, tuple[JobSpec, ...]] = field(default_factory=dict)  # by parent, which is in `results`
    errors: dict[str, BaseException] = field(default_factory=dict)  # why a job is neither: raised at the end
    leaving: deque[Running] = field(default_factory=deque)  # published; the worker may still be on its way out
    repairs: list[Repair] = field(default_factory=list)

    @property
    def load_id(self) -> str:
        """The package's name."""
        return self.manifest.load_id

    def jobs(self) -> Iterator[JobSpec]:
        """Every job in the manifest's order, each followed by those that came of it."""
        pending = list(reversed(self.manifest.jobs))
        while pending:
            spec = pending.pop()
            yield spec
            pending.extend(reversed(self.followed.get(spec.job_id, ())))


class Loader:
    """Loads packages of `storage` into `destination`.

    Args: `workers`: the jobs that run at once; 0 runs each in the calling thread, without an executor. `executor`:
    where they run; by default a thread pool of its own, made and shut down by each call. `poll_interval`: seconds
    after which the loader looks at the jobs although nobody woke it. `max_attempts`: runs of one job in one call
    before it gives up. `raise_on_failed_jobs`: raise JobsFailed after a package with terminally failed jobs is ended.
    `on_result`: called in the loader's thread with each job that has ended.
    """

    def __init__(
        self,
        storage: PackageStorage,
        destination: Destination,
        *,
        workers: int = 4,
        executor: concurrent.futures.Executor | None = None,
        poll_interval: float = 1.0,
        max_attempts: int = 5,
        raise_on_failed_jobs: bool = False,
        on_result: Callable[[JobResult], None] | None = None,
    ) -> None:
        if workers < 0 or max_attempts < 1:
            raise ValueError("workers must be at least 0 and max_attempts at least 1")
        self.storage = storage
        self.destination = destination
        self.workers = workers
        self.poll_interval = poll_interval
        self.max_attempts = max_attempts
        self.raise_on_failed_jobs = raise_on_failed_jobs
        self._executor = executor
        self._on_result = on_result

    def run(self) -> LoadSummary:
        """Load every package in `normalized/`, oldest first. Raises what `run_package` raises, at once."""
        summary = LoadSummary()
        for load_id in self.storage.packages():
            summary += self.run_package(load_id)
        return summary

    def run_package(self, load_id: str) -> LoadSummary:
        """Load one package from wherever an earlier run left it. It leaves no worker at work.

        Raises, after every other job was run: RetriesExhausted; what a job raised that could not leave evidence of its
        end (its marker failed); JobsFailed on request. In the first two cases the package stays, and a later call
        resumes it. Also PackageError, OSError, and what the destination raises when it is prepared or completed.
        """
        if self.workers == 0 or self._executor is not None:
            return self._run_with(load_id, self._executor if self.workers else None)
        with concurrent.futures.ThreadPoolExecutor(self.workers, "loadloom") as executor:
            return self._run_with(load_id, executor)

    def _run_with(self, load_id: str, executor: concurrent.futures.Executor | None) -> LoadSummary:
        run = self.open_run(load_id)
        try:
            while not self.may_finalise(run):
                self.start_jobs(run, executor)
                woken = self.wait(run)
                self.poll(run, woken)
            _raise_first_error(run)
            self.finalise(run)
        finally:
            self.quiesce(run)
        _raise_first_error(run)
        summary = _summary(run)
        if self.raise_on_failed_jobs and summary.failed:
            first = summary.failed[0]
            raise JobsFailed(f"load {load_id}: {len(summary.failed)} jobs failed, first {first.job_id}: {first.error}")
        return summary

    # -- the steps of a package, in their order

    def open_run(self, load_id: str) -> PackageRun:
        """Read what is known of the package; whatever has no evidence of its end waits to be run."""
        manifest = self.storage.manifest(load_id)
        # One token for all jobs, taken at once: a release while it is not taken back changes nothing, and need not.
        lease = self.destination.acquire(load_id, f"pid {os.getpid()}")
        run = PackageRun(manifest, threading.BoundedSemaphore(1), lease)
        run.done_event.acquire()
        if hooks.active is not None:
            hooks.active("loader.recover", run)
        evidence, run.repairs = recover(self.storage, self.destination, manifest)
        run.followed = {job: found.follow_ups for job, found in evidence.items() if found.follow_ups}
        for spec in run.jobs():
            found = evidence.get(spec.job_id)
            if found is None:
                run.waiting.append((spec, 1))
            else:
                self._settle(run, _ended_earlier(spec, found), found.state, attempts=0)
        if run.waiting:
            if hooks.active is not None:
                hooks.active("loader.prepare", run)
            self.destination.prepare(manifest)
        return run

    def may_finalise(self, run: PackageRun) -> bool:
        """Whether nothing of the package is running or has yet to run (C5)."""
        return not run.waiting and not run.running

    def start_jobs(self, run: PackageRun, executor: concurrent.futures.Executor | None) -> None:
        """Hand waiting jobs to free workers."""
        while run.waiting and len(run.running) < max(self.workers, 1):
            spec, attempt = run.waiting.popleft()
            job = self.destination.job(spec)
            job.set_run_vars(run.load_id, self.storage.job_path(run.load_id, spec), attempt, run.lease)
            if hooks.active is not None:
                hooks.active("loader.start", job)
            if executor is None:
                self._run_here(run, job)
                run.running[job.job_id] = Running(job, None)
            else:
                future = executor.submit(job.run_managed, self.destination.client, run.done_event, self.write_marker)
                run.running[job.job_id] = Running(job, future)

    def wait(self, run: PackageRun) -> bool:
        """Sleep until a job is through; False when `poll_interval` passed without a wake-up."""
        if hooks.active is not None:
            hooks.active("loader.wait", run)
        # The token is taken before the states are read: whoever publishes after that will be heard again (C11).
        return run.done_event.acquire(timeout=self.poll_interval)

    def poll(self, run: PackageRun, woken: bool) -> None:
        """Look at each running job once and take over those that have ended."""
        for job_id, entry in list(run.running.items()):
            job = entry.job
            if hooks.active is not None:
                hooks.active("loader.poll", job)
            # Asked before the state is read, so that a job which ends in between is not taken for dead.
            through = entry.future is None or (not woken and entry.future.done())
            state = job.state
            if state == "completed" or state == "failed":
                self.complete(run, job, state)
            elif state == "retry":
                self.retry(run, job)
            elif not through:
                continue
            # else: the worker left without publishing; what it raised is found when it is seen off
            del run.running[job_id]
            run.leaving.append(entry)
            if len(run.leaving) > self.workers:
                _see_off(run, run.leaving.popleft())

    def complete(self, run: PackageRun, job: RunnableLoadJob, state: JobState) -> None:
        """Take over a job that is terminal; one without evidence of it is an error instead."""
        if hooks.active is not None:
            hooks.active("loader.complete", job)
        if job.callback_error is not None:
            run.errors[job.job_id] = job.exception or job.callback_error
        else:
            closing = job.close_error
            warning = f"its connection did not close: {type(closing).__name__}: {closing}" if closing else ""
            self._settle(run, job, state, job.attempt, warning)
            if state == "completed" and job.follow_ups:
                run.followed[job.job_id] = tuple(job.follow_ups)
                run.waiting.extend((spec, 1) for spec in job.follow_ups)

    def retry(self, run: PackageRun, job: RunnableLoadJob) -> None:
        """Put a job back for another attempt, if there is one left."""
        if hooks.active is not None:
            hooks.active("loader.retry", job)
        error = job.exception
        if error is not None and not isinstance(error, Exception):
            run.errors[job.job_id] = error
        elif job.attempt < self.max_attempts:
            run.waiting.append((job.spec, job.attempt + 1))
        else:
            given_up = RetriesExhausted(
                f"load {run.load_id}: job {job.job_id} did not get through in {job.attempt} attempts: {error}"
            )
            given_up.__cause__ = error
            run.errors[job.job_id] = given_up

    def finalise(self, run: PackageRun) -> None:
        """End the package: its outcome on disk, the load recorded at the destination, the markers gone, the rename."""
        if hooks.active is not None:
            hooks.active("loader.outcome", run)
        evidence = {
            job: Evidence(result.state, result.message, follow_ups=run.followed.get(job, ()))
            for job, result in run.results.items()
        }
        self.storage.write_outcome(run.manifest, evidence)
        if hooks.active is not None:
            hooks.active("loader.load_record", run)
        self.destination.complete_load(run.load_id)
        # Only now: until the outcome was whole, the markers were the evidence of a destination without a ledger.
        if hooks.active is not None:
            hooks.active("loader.clear", run)
        self.storage.clear_markers(run.load_id)
        if hooks.active is not None:
            hooks.active("loader.finalise", run)
        self.storage.finalise(run.load_id)

    def quiesce(self, run: PackageRun) -> None:
        """Wait until the workers have left their jobs, and note what they raised.

        The rename does not wait for this: a worker that has published touches nothing of the package any more (C4),
        and hiding a breach of that behind a join would be no help.
        """
        if hooks.active is not None:
            hooks.active("loader.quiesce", run)
        for entry in run.running.values():
            if entry.future is not None:
                entry.future.cancel()
        for entry in (*run.leaving, *run.running.values()):
            _see_off(run, entry)

    # -- helpers

    def write_marker(self, job: LoadJob, state: JobState) -> None:
        """The callback of every job: leaves its marker. Runs in the job's worker. Raises OSError."""
        message = job.failed_message or "" if state == FAILED else ""
        follow_ups = tuple(job.follow_ups) if state == COMPLETED else ()
        self.storage.write_marker(job.load_id, job.job_id, Evidence(state, message, job.rows, follow_ups))

    def _run_here(self, run: PackageRun, job: RunnableLoadJob) -> None:
        try:
            job.run_managed(self.destination.client, run.done_event, self.write_marker)
        except Exception as error:
            # No Exception of a job stops the others. An interrupt is the caller's own here, and goes up at once.
            run.errors[job.job_id] = error

    def _settle(self, run: PackageRun, job: LoadJob, state: str, attempts: int, warning: str = "") -> None:
        result = JobResult(
            run.load_id,
            job.job_id,
            job.spec.table,
            state,
            job.rows if state == COMPLETED else 0,
            attempts,
            (job.failed_message or "") if state == FAILED else "",
            warning,
        )
        run.results[job.job_id] = result
        if self._on_result is not None:
            self._on_result(result)


def _ended_earlier(spec: JobSpec, found: Evidence) -> LoadJob:
    """A job that stands for one of an earlier run."""
    job = LoadJob(spec)
    job.rows = found.rows
    job.set_final_state("failed" if found.state == FAILED else "completed", found.message)
    return job


def _see_off(run: PackageRun, entry: Running) -> None:
    """Wait until the job's worker is through; what it raised is an error of the run."""
    if entry.future is None:
        return
    try:
        error = entry.future.exception()
    except concurrent.futures.CancelledError:
        return  # never started; nothing of it was done
    if error is not None:
        run.errors.setdefault(entry.job.job_id, error)


def _raise_first_error(run: PackageRun) -> None:
    """Raise the error of the job that comes first in the manifest: the same one in whatever order they ended (C12)."""
    if run.errors:
        for spec in run.jobs():
            if spec.job_id in run.errors:
                raise run.errors[spec.job_id]


def _summary(run: PackageRun) -> LoadSummary:
    results = tuple(run.results[spec.job_id] for spec in run.jobs() if spec.job_id in run.results)
    return LoadSummary((run.load_id,), results, tuple(run.repairs))
