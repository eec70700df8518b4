"""A job: what a worker runs and the loader watches.

The two share plain attributes and no lock. What makes that safe is the order in `RunnableLoadJob.run_managed`.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from refimpl import hooks
from refimpl.errors import JobStateError, TerminalError, chain
from refimpl.package import COMPLETED, TERMINAL, Evidence, JobSpec, Lease, follow_up

JobState = Literal["ready", "running", "completed", "failed", "retry"]
Client = Callable[[], AbstractContextManager[Any]]
"""Makes a connection: called, entered and left by the job, so that whatever raises there is the job's error."""


class DoneEvent(Protocol):
    """What a job releases when it is through; the loader waits on it."""

    def release(self) -> None:
        """Wake the loader. May raise ValueError when it is already awake."""


Callback = Callable[["LoadJob", JobState], None]
"""Writes a job's marker, given the terminal state that is about to be published."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, on its way to be published."""

    state: JobState
    raises: BaseException | None = None  # what run_managed raises after everything is in place


@dataclass(frozen=True)
class JobMetrics:
    """What one attempt at a job cost. Times are seconds since the epoch."""

    job_id: str
    table: str
    attempt: int
    state: JobState
    rows: int
    started_at: float | None
    finished_at: float | None  # None until the state is terminal


class LoadJob:
    """A job as the loader sees it. As such, without a `run`, it stands for one that ended in an earlier run."""

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.load_id = ""
        self.attempt = 1
        self.rows = 0
        self.follow_ups: list[JobSpec] = []  # jobs that come to be with this one's commit
        # Shared between worker and loader. Plain on purpose: no lock is needed if the order is kept.
        self._state: JobState = "ready"
        self._finished_at: float | None = None  # set before a terminal state can be seen (C3), never on retry (C9)
        self._exception: BaseException | None = None
        self._started_at: float | None = None
        self._message: str | None = None

    @property
    def job_id(self) -> str:
        """The job's name in its package; the key of its marker and of its ledger row."""
        return self.spec.job_id

    @property
    def state(self) -> JobState:
        """The state as published."""
        return self._state

    @property
    def exception(self) -> BaseException | None:
        """The first error of this attempt, or None."""
        return self._exception

    @property
    def failed_message(self) -> str | None:
        """The error with its traceback as text, or what an earlier run recorded; None without an error."""
        error = self._exception
        if error is None:
            return self._message
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))

    @property
    def metrics(self) -> JobMetrics:
        """What this attempt cost so far."""
        return JobMetrics(
            self.job_id, self.spec.table, self.attempt, self._state, self.rows, self._started_at, self._finished_at
        )

    def set_final_state(self, state: JobState, message: str | None = None) -> None:
        """Put a job that was not run here into the terminal `state` that its evidence says.

        Raises JobStateError for a state that is not terminal, or a job that is not "ready".
        """
        if state not in TERMINAL or self._state != "ready":
            raise JobStateError(f"job {self.job_id}: cannot go from {self._state!r} to {state!r}")
        self._message = message
        self._finished_at = time.time()
        self._state = state


class RunnableLoadJob(LoadJob):
    """A job that can be run once. A destination subclasses it and overrides `run`.

    The methods from `start` to `release` are the steps of `run_managed`, in its order.
    """

    def __init__(self, spec: JobSpec) -> None:
        super().__init__(spec)
        self.path = ""
        self.lease = Lease("")
        self.client: Any = None  # the open connection, while `run` runs
        self.callback_error: BaseException | None = None  # why a terminal state has no marker
        self.close_error: BaseException | None = None  # the connection failed to close after the data was in

    def set_run_vars(self, load_id: str, path: str, attempt: int = 1, lease: Lease | None = None) -> None:
        """Tell the job its load, the `path` of its file ("" without one), which attempt this is, and on whose right."""
        self.load_id = load_id
        self.path = path
        self.attempt = attempt
        self.lease = lease or Lease(load_id)

    def add_follow_up(self, options: Mapping[str, str], table: str | None = None) -> JobSpec:
        """Have another job run once this one is committed. For `run`, which must name the same ones in each attempt."""
        spec = follow_up(self.spec, len(self.follow_ups), table or self.spec.table, options)
        self.follow_ups.append(spec)
        return spec

    def run(self) -> None:
        """Load the data through `self.client`; return only after it is committed; set `self.rows`.

        Raises TerminalError when no further attempt can succeed, any other Exception to be tried again.
        """
        raise NotImplementedError

    def record_failure(self, message: str) -> Evidence | None:
        """Note a terminal failure where the destination keeps a ledger. Called outside the client's context.

        Returns what the ledger has of the job now: a commit that was unknown may turn out to have gone through.
        """
        return None

    def run_managed(self, client: Client, done_event: DoneEvent, callback: Callback) -> None:
        """Run the job and publish how it ended, in the order of the contract.

        Args: `client` makes the connection; `done_event` wakes the loader; `callback` writes the marker, called
        for "completed" and "failed" only. Raises the callback's error, or the job's own if that came first; and
        whatever is no Exception (an interrupt, an exit) after the job is published. Source: dlt-hub/dlt#3849.
        """
        self.start()
        outcome = self.attempt_run(client)
        outcome = self.conclude(outcome, done_event, callback)
        if outcome.raises is not None:
            raise outcome.raises

    def abandon(self, error: Exception, done_event: DoneEvent, callback: Callback) -> None:
        """End the job as failed with `error`, without running it. Raises what `run_managed` raises."""
        self.start()
        self._exception = error
        outcome = self.conclude(Outcome("failed"), done_event, callback)
        if outcome.raises is not None:
            raise outcome.raises

    def start(self) -> None:
        """Go from "ready" to "running". Raises JobStateError when the job was started before."""
        if hooks.active is not None:
            hooks.active("job.start", self)
        if self._state != "ready":
            raise JobStateError(f"job {self.job_id}: started in state {self._state!r}")
        self._started_at = time.time()
        self._state = "running"

    def attempt_run(self, client: Client) -> Outcome:
        """Run inside the connection; never raises."""
        error: BaseException | None = None
        committed = False
        try:
            with client() as self.client:
                try:
                    if hooks.active is not None:
                        hooks.active("job.run", self)
                    self.run()
                    committed = True
                except BaseException as raised:
                    # Kept here because a client's exit may swallow it, or put its own in its place (C8).
                    error = raised
                    raise
        except BaseException as raised:
            if committed:
                # The data is in: to try again would load it twice (C10).
                self.close_error = raised
            elif error is None:
                error = raised
        self.client = None
        interrupt = error or self.close_error
        raises = interrupt if interrupt is not None and not isinstance(interrupt, Exception) else None
        if error is None:
            return Outcome("completed", raises)
        self._exception = error
        # An interrupt says nothing about the data, so the job may be tried again.
        return Outcome("failed" if isinstance(error, (TerminalError, AssertionError)) else "retry", raises)

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """Make the outcome known. This order is the contract: marker, finished_at, state, wake-up."""
        outcome = self.record(outcome, callback)  # C1: before anyone can see the state
        self.finish(outcome)  # C3
        self.publish(outcome)
        self.release(done_event)  # C2: who wakes up finds the state
        return outcome

    def record(self, outcome: Outcome, callback: Callback) -> Outcome:
        """Leave evidence of a terminal outcome; nothing on retry (C9). A failure to do so is the job's failure (C7)."""
        if outcome.state == "retry":
            return outcome
        try:
            if outcome.state == "failed":
                if hooks.active is not None:
                    hooks.active("job.ledger", self)
                outcome = self._settle(outcome, self.record_failure(self.failed_message or ""))
            if hooks.active is not None:
                hooks.active("job.marker", self)
            callback(self, outcome.state)
        except BaseException as raised:
            self.callback_error = raised
            if self._exception is None:
                self._exception = raised
            else:
                chain(self._exception, raised)  # C8: the first error stays
            interrupt = None if isinstance(raised, Exception) else raised
            return Outcome("failed", interrupt or outcome.raises or self._exception)
        return outcome

    def _settle(self, outcome: Outcome, found: Evidence | None) -> Outcome:
        """The outcome, or that in the ledger: its row came first, so it is what is true."""
        if found is None or found.state != COMPLETED:
            return outcome
        self._exception = None
        self.rows = found.rows
        self.follow_ups = list(found.follow_ups)
        return Outcome("completed", outcome.raises)

    def finish(self, outcome: Outcome) -> None:
        """Set `finished_at`, for a terminal outcome."""
        if outcome.state != "retry":
            if hooks.active is not None:
                hooks.active("job.finished", self)
            self._finished_at = time.time()

    def publish(self, outcome: Outcome) -> None:
        """Show the state to the loader. After this line the worker touches nothing of the package (C4)."""
        if hooks.active is not None:
            hooks.active("job.publish", self)
        self._state = outcome.state

    def release(self, done_event: DoneEvent) -> None:
        """Wake the loader."""
        if hooks.active is not None:
            hooks.active("job.release", self)
        try:
            done_event.release()
        except ValueError:
            # Another job has woken the loader and it has not yet looked: one wake-up shows it both states.
            pass


class UnmadeJob(RunnableLoadJob):
    """Stands for a job that the destination could not make: it fails with the error of that."""

    def __init__(
        self,
        spec: JobSpec,
        error: Exception,
        record_failure: Callable[[RunnableLoadJob, str], Evidence | None],
    ) -> None:
        super().__init__(spec)
        self._error = error
        self._record_failure = record_failure

    def run(self) -> None:
        """Raise it."""
        raise self._error

    def record_failure(self, message: str) -> Evidence | None:
        """As a job of the destination would."""
        return self._record_failure(self, message)
