"""The loader: starts a package's jobs, watches them on one shared event, and ends the package when all are through.

It runs in one thread and alone keeps the books; a worker only runs its job, writes its marker and publishes its state.
"""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable

from refimpl import hooks, recovery
from refimpl.claims import Claim
from refimpl.destinations.base import Destination
from refimpl.errors import Fenced, Interrupted, JobsFailed, PackageError, RetriesExhausted, TerminalError, chain
from refimpl.job import JobState, LoadJob, RunnableLoadJob, UnmadeJob
from refimpl.package import COMPLETED, FAILED, Evidence, JobSpec, Repair
from refimpl.run import Backoff, Batch, PackageRun
from refimpl.storage import LOADED, NORMALIZED, PackageStorage
from refimpl.summary import JobResult, LoadSummary

__all__ = ["Loader", "PackageRun"]

_log = logging.getLogger("refimpl")


class Loader:
    """Loads packages of `storage` into `destination`.

    Args: `workers`: the jobs that run at once; 0 runs each in the calling thread, without an executor. `executor`:
    where they run; by default a thread pool of its own, made and shut down by each call. `poll_interval`: seconds
    after which the loader looks at the jobs although nobody woke it. `max_attempts`: runs of one job in one call
    before it gives up; `backoff`: how long it waits between two. `raise_on_failed_jobs`: raise JobsFailed after a
    package with terminally failed jobs is ended. `abort_on_failed_jobs`: with the first such job start no other.
    `keep_job_files`: do not delete them when their package has ended. `on_result`: called in the loader's thread with
    each job that has ended; what it raises ends the run.
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
        backoff: Backoff | None = None,
        raise_on_failed_jobs: bool = False,
        abort_on_failed_jobs: bool = False,
        keep_job_files: bool = False,
        on_result: Callable[[JobResult], None] | None = None,
    ) -> None:
        if workers < 0 or max_attempts < 1:
            raise ValueError("workers must be at least 0 and max_attempts at least 1")
        self.storage = storage
        self.destination = destination
        self.workers = workers
        self.poll_interval = poll_interval
        self.max_attempts = max_attempts
        self.backoff = backoff or Backoff()
        self.raise_on_failed_jobs = raise_on_failed_jobs
        self.abort_on_failed_jobs = abort_on_failed_jobs
        self.keep_job_files = keep_job_files
        self._executor = executor
        self._on_result = on_result
        self._stopping = False

    # -- what users call

    def run(self) -> LoadSummary:
        """Clear up what dead owners left, and load every package in `normalized/`, oldest first.

        Raises what `run_package` raises, at once.
        """
        summary = LoadSummary(repairs=tuple(recovery.sweep(self.storage, self.keep_job_files)))
        for load_id in self.storage.packages():
            summary += self.run_package(load_id)
        return summary

    def run_package(self, load_id: str) -> LoadSummary:
        """Load one package from wherever an earlier run left it. It leaves no worker at work.

        Raises, after every other job was run: RetriesExhausted; what a job raised that could not leave evidence of its
        end (its marker failed); JobsFailed on request. In the first two cases the package stays, and a later call
        resumes it. At once, with the running jobs run to their end: Interrupted after `stop`; Fenced when another
        loader has taken the load over; KeyboardInterrupt. Before anything is run: Claimed when another process works
        on the package, other PackageErrors, OSError, and what the destination raises when it is asked or prepared.
        """
        return self._with_claim(load_id, self._load)

    def abort_package(self, load_id: str, reason: str = "aborted") -> LoadSummary:
        """End a package without running what has not run: those jobs are failed, with `reason`. Raises as above."""

        def abort(load_id: str, claim: Claim) -> LoadSummary:
            return self._run_with(load_id, claim, None, aborted=reason)

        return self._with_claim(load_id, abort)

    def stop(self) -> None:
        """Have the run come to an end: no job is started any more. It only sets a flag: signal handlers may call it."""
        self._stopping = True

    # -- the frame of a run

    def _with_claim(self, load_id: str, action: Callable[[str, Claim], LoadSummary]) -> LoadSummary:
        if hooks.active is not None:
            hooks.active("loader.claim", load_id)
        claim = self.storage.claim(load_id)
        try:
            found = recovery.settle_both(self.storage, load_id)
            if found:
                return LoadSummary((load_id,), repairs=tuple(found))
            return action(load_id, claim)
        finally:
            claim.release()

    def _load(self, load_id: str, claim: Claim) -> LoadSummary:
        if self.workers == 0 or self._executor is not None:
            return self._run_with(load_id, claim, self._executor if self.workers else None)
        with concurrent.futures.ThreadPoolExecutor(self.workers, "loadloom") as executor:
            return self._run_with(load_id, claim, executor)

    def _run_with(
        self, load_id: str, claim: Claim, executor: concurrent.futures.Executor | None, aborted: str = ""
    ) -> LoadSummary:
        run = self.open_run(load_id, claim, aborted)
        try:
            self._run_jobs(run, executor)
            _raise_first_error(run)
            self.finalise(run)
        except BaseException as error:
            self.quiesce(run)
            for later in run.errors.values():  # of several the first is raised, and none is lost
                chain(error, later)
            raise
        finally:
            self.storage.close_journal(load_id)
        self.quiesce(run)
        _raise_first_error(run)
        return self._conclude(run)

    def _run_jobs(self, run: PackageRun, executor: concurrent.futures.Executor | None) -> None:
        while not self.may_finalise(run):
            if run.aborted and not run.running:
                self.abandon_rest(run)
                continue
            if not (self._stopping or run.halted or run.aborted):
                self.start_jobs(run, executor)
            elif not run.running:
                _raise_first_error(run)
                raise Interrupted(f"load {run.load_id} was stopped; run it again to resume")
            woken = self.wait(run)
            self.poll(run, woken)

    def _conclude(self, run: PackageRun) -> LoadSummary:
        results = tuple(run.results[spec.job_id] for spec in run.jobs() if spec.job_id in run.results)
        summary = LoadSummary((run.load_id,), results, tuple(run.repairs))
        if self.raise_on_failed_jobs and summary.failed:
            first = summary.failed[0]
            raise JobsFailed(
                f"load {run.load_id}: {len(summary.failed)} jobs failed, first {first.job_id}: {first.error}"
            )
        return summary

    # -- the steps of a package, in their order

    def open_run(self, load_id: str, claim: Claim, aborted: str = "") -> PackageRun:
        """Read what is known of the package; whatever has no evidence of its end waits to be run, or to be aborted."""
        if not self.storage.exists(NORMALIZED, load_id):
            ended = "has ended" if self.storage.exists(LOADED, load_id) else "is not there"
            raise PackageError(f"{self.storage.path(NORMALIZED, load_id)}: no such package; load {load_id} {ended}")
        if hooks.active is not None:
            hooks.active("loader.lease", load_id)
        lease = self.destination.acquire(load_id, str(self.storage.machine.me()))
        if hooks.active is not None:
            hooks.active("loader.recover", load_id)
        known = recovery.recover(self.storage, self.destination, claim, load_id)
        # One token for all jobs, taken at once: a release while it is not taken back changes nothing, and need not.
        run = PackageRun(known.manifest, threading.BoundedSemaphore(1), lease, aborted=aborted, repairs=known.repairs)
        run.done_event.acquire()
        run.followed = {job: found.follow_ups for job, found in known.evidence.items() if found.follow_ups}
        for spec in run.jobs():
            found = known.evidence.get(spec.job_id)
            if found is None:
                run.waiting.append((spec, 1))
            else:
                self._settle(run, _ended_earlier(spec, found), found.state, attempts=0)
        if run.waiting and not aborted:
            if hooks.active is not None:
                hooks.active("loader.prepare", run)
            self.destination.prepare(run.manifest)
        if run.waiting and not self.destination.has_ledger:
            self.storage.open_journal(load_id)
        return run

    def may_finalise(self, run: PackageRun) -> bool:
        """Whether nothing of the package is running or has yet to run (C5)."""
        return not run.waiting and not run.running and not run.delayed

    def start_jobs(self, run: PackageRun, executor: concurrent.futures.Executor | None) -> None:
        """Hand waiting jobs to free workers."""
        run.release_due()
        workers = self.workers if executor is not None else 0
        while run.waiting and len(run.running) < max(workers, 1) and not run.aborted:
            batch = Batch([self.make_job(run, spec, attempt) for spec, attempt in run.take(workers)])
            # Noted before it is handed over, so that an interrupt in between does not lose sight of it.
            run.running.append(batch)
            if executor is None:
                self.run_batch(run, batch)
            else:
                batch.future = executor.submit(self.run_batch, run, batch)

    def make_job(self, run: PackageRun, spec: JobSpec, attempt: int) -> RunnableLoadJob:
        """The object of one attempt; if the destination cannot make it, one that fails with its error (C6)."""
        try:
            job = self.destination.job(spec)
        except Exception as error:
            job = UnmadeJob(spec, error, self.destination.record_failure)
        job.set_run_vars(run.load_id, self.storage.job_path(run.load_id, spec), attempt, run.lease)
        if hooks.active is not None:
            hooks.active("loader.start", job)
        return job

    def run_batch(self, run: PackageRun, batch: Batch) -> None:
        """What a worker does: its jobs one after the other. It touches nothing of `run` but the event."""
        for job in batch.jobs:
            if self._stopping or run.halted:
                return
            try:
                job.run_managed(self.destination.client, run.done_event, self.write_marker)
            except BaseException as error:
                batch.errors[job.job_id] = error
                if not isinstance(error, Exception):
                    raise

    def wait(self, run: PackageRun) -> bool:
        """Sleep until a job is through; False when nobody woke us until it was time to look anyway."""
        if hooks.active is not None:
            hooks.active("loader.wait", run)
        due = run.until_due()
        timeout = self.poll_interval if due is None else min(due, self.poll_interval)
        if not run.running:  # nobody is there to wake us: only a delayed attempt is waited for
            time.sleep(timeout)
            return False
        # The token is taken before the states are read: whoever publishes after that will be heard again (C11).
        return run.done_event.acquire(timeout=timeout)

    def poll(self, run: PackageRun, woken: bool) -> None:
        """Look at each batch once and take over the jobs in it that have ended."""
        for batch in tuple(run.running):
            # Asked before the states are read, so that a job which ends in between is not taken for dead.
            through = batch.future is None or (not woken and batch.is_through())
            while batch.ended < len(batch.jobs):
                job = batch.jobs[batch.ended]
                if hooks.active is not None:
                    hooks.active("loader.poll", job)
                state = job.state
                if state == "completed" or state == "failed":
                    self.complete(run, job, state)
                elif state == "retry":
                    self.retry(run, job)
                elif not through:
                    break
                else:
                    self.miss(run, batch, job)
                batch.ended += 1
            else:
                run.running.remove(batch)
                run.leaving.append(batch)
                if len(run.leaving) > self.workers:
                    _see_off(run, run.leaving.popleft())

    def complete(self, run: PackageRun, job: RunnableLoadJob, state: JobState) -> None:
        """Take over a job that is terminal; one without evidence of it is an error instead."""
        if hooks.active is not None:
            hooks.active("loader.complete", job)
        if job.callback_error is not None:
            run.errors[job.job_id] = job.exception or job.callback_error
            return
        if state == COMPLETED and job.follow_ups:
            run.followed[job.job_id] = tuple(job.follow_ups)
            run.waiting.extend((spec, 1) for spec in job.follow_ups)
        if state == FAILED and self.abort_on_failed_jobs:
            run.aborted = run.aborted or f"aborted because {job.job_id} failed"
        closing = job.close_error
        warning = f"its connection did not close: {type(closing).__name__}: {closing}" if closing else ""
        self._settle(run, job, state, job.attempt, warning)

    def retry(self, run: PackageRun, job: RunnableLoadJob) -> None:
        """Put a job back for another attempt, if there is one left."""
        if hooks.active is not None:
            hooks.active("loader.retry", job)
        error = job.exception
        if error is None or (isinstance(error, Exception) and not isinstance(error, Fenced)):
            if job.attempt < self.max_attempts:
                run.delay(job.spec, job.attempt + 1, self.backoff.before(job.attempt + 1))
                return
            given_up = RetriesExhausted(
                f"load {run.load_id}: job {job.job_id} did not get through in {job.attempt} attempts: {error}"
            )
            given_up.__cause__ = error
            error = given_up
        run.errors[job.job_id] = error
        run.halted = run.halted or isinstance(error, Fenced)  # another loader has the load now

    def miss(self, run: PackageRun, batch: Batch, job: RunnableLoadJob) -> None:
        """Note a job whose worker is gone although it has not published an end."""
        if job.state == "ready":  # it never got that far; whatever stopped its worker is an error of another job
            run.waiting.append((job.spec, job.attempt))
        else:
            error = batch.errors.get(job.job_id) or RuntimeError(f"the worker of job {job.job_id} is gone")
            run.errors.setdefault(job.job_id, error)

    def abandon_rest(self, run: PackageRun) -> None:
        """Fail every job that has not run, with the reason why the package is aborted."""
        rest = [(spec, attempt) for spec, attempt in run.waiting]
        rest += [(spec, attempt) for _, _, spec, attempt in sorted(run.delayed)]
        run.waiting.clear()
        run.delayed.clear()
        for spec, attempt in rest:
            job = self.make_job(run, spec, attempt)
            try:
                job.abandon(TerminalError(run.aborted), run.done_event, self.write_marker)
            except Exception as error:
                run.errors[job.job_id] = error
            else:
                self.complete(run, job, job.state)

    def finalise(self, run: PackageRun) -> None:
        """End the package: its outcome on disk, the load recorded at the destination, the markers gone, the rename."""
        if hooks.active is not None:
            hooks.active("loader.outcome", run)
        evidence = {
            job: Evidence(result.state, result.message, follow_ups=run.followed.get(job, ()))
            for job, result in run.results.items()
        }
        self.storage.write_outcome(run.manifest, evidence, "aborted" if run.aborted else "loaded")
        if hooks.active is not None:
            hooks.active("loader.load_record", run)
        self._record_load(run)
        # Only now: until the outcome was whole, the markers were the evidence of a destination without a ledger.
        if hooks.active is not None:
            hooks.active("loader.clear", run)
        self.storage.clear_markers(run.load_id)
        if hooks.active is not None:
            hooks.active("loader.finalise", run)
        self.storage.finalise(run.load_id)
        if hooks.active is not None:
            hooks.active("loader.tidy", run)
        run.repairs += recovery.tidy(self.storage, run.load_id, self.keep_job_files)

    def quiesce(self, run: PackageRun) -> None:
        """Wait until the workers have left their jobs, and note what they raised.

        The rename does not wait for this: a worker that has published touches nothing of the package any more (C4),
        and hiding a breach of that behind a join would be no help.
        """
        if hooks.active is not None:
            hooks.active("loader.quiesce", run)
        run.halted = True
        for batch in run.running:
            if batch.future is not None:
                batch.future.cancel()
        for batch in (*run.leaving, *run.running):
            _see_off(run, batch)

    # -- helpers

    def write_marker(self, job: LoadJob, state: JobState) -> None:
        """The callback of every job: leaves its marker. Runs in the job's worker. Raises OSError."""
        message = job.failed_message or "" if state == FAILED else ""
        follow_ups = tuple(job.follow_ups) if state == COMPLETED else ()
        self.storage.write_marker(job.load_id, job.job_id, Evidence(state, message, job.rows, follow_ups))

    def _record_load(self, run: PackageRun) -> None:
        try:
            self.destination.complete_load(run.load_id)
        except Exception as error:
            # Its commit may have gone through before the error; only the destination can tell.
            if not (self.destination.has_ledger and self.destination.is_loaded(run.load_id)):
                raise
            run.repairs.append(Repair("load record with an error", run.load_id, f"recorded, in spite of: {error}"))

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


def _see_off(run: PackageRun, batch: Batch) -> None:
    """Wait until the worker is through with the batch; what its jobs raised are errors of the run."""
    if batch.future is not None:
        try:
            batch.future.exception()
        except concurrent.futures.CancelledError:
            return  # never started; nothing of it was done
    for job_id, error in batch.errors.items():
        run.errors.setdefault(job_id, error)


def _raise_first_error(run: PackageRun) -> None:
    error = run.first_error()
    if error is not None:
        raise error
