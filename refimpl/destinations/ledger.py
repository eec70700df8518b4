"""Exactly once: a job's rows and its ledger row in one transaction, written out once for every database.

    begin       the transaction opens, and locks out older runs
    write       the job's rows
    add         the ledger row, key (load_id, job_id), and a row for each follow-up
    commit      all of it, or nothing

A key that is taken means that the job is done: whoever finds that rolls back and adopts what the row says. A commit
that raised is unknown, not failed, until the ledger was read back over a new connection. A terminal failure has a row
too, in a transaction of its own, since that of its data is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Protocol

from refimpl import hooks
from refimpl.destinations.base import Destination
from refimpl.errors import Fenced, TerminalError
from refimpl.job import RunnableLoadJob
from refimpl.package import COMPLETED, FAILED, Evidence, JobSpec, Lease, Promise


@dataclass(frozen=True)
class LedgerRow:
    """How a job ended, as its destination has it."""

    load_id: str
    job_id: str
    status: str  # one of TERMINAL
    message: str
    attempt: int
    rows: int
    parent: str = ""
    checksum: str = ""  # of the job's file: a row of another package with the same names shows by it


class Session(Protocol):
    """A connection to a destination that keeps a ledger: what its `client()` gives."""

    def begin(self, lease: Lease) -> None:
        """Open a transaction. Raises Fenced when the load has a newer lease, or cannot commit once it has."""

    def write(self, job: LedgerJob) -> int:
        """Load the job's data; the number of rows. What is to follow it goes into `job.add_follow_up`."""

    def add(self, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
        """Insert the row and those of its follow-ups; False when the ledger has a row of that key already."""

    def commit(self) -> None:
        """Commit. What it raises says nothing about whether it went through."""

    def roll_back(self) -> None:
        """Undo whatever is open. May raise; nothing of the transaction stays in any case."""


class LedgerDestination(Destination):
    """A destination with a ledger."""

    has_ledger = True
    promise: Promise = "exactly-once"

    def client(self) -> AbstractContextManager[Session]:
        """A new connection."""
        raise NotImplementedError

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        """A `LedgerJob`."""
        return LedgerJob(spec, self)

    def find(self, load_id: str, job_id: str) -> Evidence | None:
        """What the ledger says of one job, asked over a new connection; None if nothing."""
        return self.ledger(load_id).get(job_id)

    def ledger(self, load_id: str) -> Mapping[str, Evidence]:
        """The terminal jobs of a load by job id, each with its follow-ups."""
        raise NotImplementedError

    def record_failure(self, job: RunnableLoadJob, message: str) -> Evidence | None:
        """Put a terminal failure into the ledger, in a transaction of its own; what the ledger has of the job now."""
        try:
            with self.client() as session:
                session.begin(job.lease)
                added = session.add(_row(job, FAILED, message, 0), ())
                if added:
                    session.commit()
        except Exception:
            # Unknown, if it was the commit that raised.
            found = self.read_back(job)
            if found is None:
                raise
            return found
        return Evidence(FAILED, message) if added else self.read_back(job)

    def read_back(self, job: RunnableLoadJob) -> Evidence | None:
        """What became of a job whose commit is unknown; None if nothing of it is there."""
        if hooks.active is not None:
            hooks.active("job.read_back", job)
        return self.find(job.load_id, job.job_id)

    def is_terminal(self, error: Exception) -> bool:
        """Whether an error of the driver would come again with every attempt: bad data yes, a full disk no."""
        return False

    def explain(self, error: Exception, job: RunnableLoadJob) -> str:
        """One line for the user about a terminal error of the driver."""
        return str(error)


class LedgerJob(RunnableLoadJob):
    """One attempt at a job of a `LedgerDestination`."""

    def __init__(self, spec: JobSpec, destination: LedgerDestination) -> None:
        super().__init__(spec)
        self.destination = destination

    def run(self) -> None:
        """Write rows and ledger row and commit both, or find that this was done before."""
        session: Session = self.client
        try:
            session.begin(self.lease)
            rows = session.write(self)
            added = session.add(_row(self, COMPLETED, "", rows), self.follow_ups)
        except BaseException as error:
            _undo(session)
            self._raise_terminal(error)
            raise
        if not added:
            _undo(session)
            if not self._adopt():
                raise RuntimeError(f"the ledger refused a row of job {self.job_id} and has none")
            return
        try:
            if hooks.active is not None:
                hooks.active("job.commit", self)
            self.commit(session)
        except Exception as error:
            # Unknown: it may have gone through before the error. Only the ledger can tell, and if it cannot be
            # asked the job is tried again: the key lets nothing in twice.
            if not self._adopt():
                self._raise_terminal(error)
                raise
            return
        self.rows = rows

    def commit(self, session: Session) -> None:
        """Commit the transaction; a place for tests to lose the answer."""
        session.commit()

    def record_failure(self, message: str) -> Evidence | None:
        """Put the failure into the ledger."""
        return self.destination.record_failure(self, message)

    def _raise_terminal(self, error: BaseException) -> None:
        """Raise TerminalError in place of an error that no further attempt can mend."""
        if isinstance(error, (TerminalError, Fenced)) or not isinstance(error, Exception):
            return
        if self.destination.is_terminal(error):
            origin = self.spec.origin or self.spec.job_id
            raise TerminalError(f"{origin}: {self.destination.explain(error, self)}") from error

    def _adopt(self) -> bool:
        """Take over what the ledger says of this job; False if it says nothing."""
        found = self.destination.read_back(self)
        if found is None:
            return False
        if found.state == FAILED:
            raise TerminalError(found.message)
        self.rows = found.rows
        self.follow_ups = list(found.follow_ups)
        return True


def _row(job: RunnableLoadJob, status: str, message: str, rows: int) -> LedgerRow:
    return LedgerRow(job.load_id, job.job_id, status, message, job.attempt, rows, job.spec.parent, job.spec.checksum)


def _undo(session: Session) -> None:
    # A transaction that is gone already is undone; another error here must not stand in for the first one.
    with suppress(Exception):
        session.roll_back()
