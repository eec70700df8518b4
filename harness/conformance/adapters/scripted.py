"""Destinations for the reference loader that do what a scenario's script says: one without a ledger, one with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from refimpl.destinations import Destination
from refimpl.destinations.ledger import LedgerDestination, LedgerJob, LedgerRow
from refimpl.job import Callback, Client, DoneEvent, RunnableLoadJob
from refimpl.package import COMPLETED, Evidence, JobSpec, Lease, Manifest

from ..plan import LEDGER, PREPARE, READ_BACK
from ..script import Script


class Watched(RunnableLoadJob):
    """What goes before a variant's own class: the client and the callback are the script's."""

    script: Script

    def run_managed(self, client: Client, done_event: DoneEvent, callback: Callback) -> None:
        """As the real one, within sight of the script."""
        name = self.job_id
        with self.script.managed(name):
            super().run_managed(
                lambda: _Client(self.script, name, client), done_event, self.script.callback(name, callback)
            )


class _Client:
    """The script's client around that of the destination."""

    def __init__(self, script: Script, job: str, client: Client) -> None:
        self._outer = script.client(job)
        self._client = client

    def __enter__(self) -> Any:
        self._outer.__enter__()
        self._inner = self._client()
        return self._inner.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)
        self._outer.__exit__(*error)


class PlainJob(RunnableLoadJob):
    """A job of a destination without a ledger."""

    script: Script

    def run(self) -> None:
        """Load and commit."""
        self.script.run(self.job_id)


class PlainDestination(Destination):
    """Keeps the job objects, and has no ledger: the marker is the evidence."""

    def __init__(self, job_class: type[RunnableLoadJob], script: Script) -> None:
        self._job_class = job_class
        self.script = script
        self.jobs: dict[str, RunnableLoadJob] = {}

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        """A job of the script's."""
        self.script.make(spec.job_id)
        return self._job_class(spec)

    def prepare(self, manifest: Manifest) -> None:
        """Nothing, unless it is to break."""
        self.script.at(PREPARE)

    def complete_load(self, load_id: str) -> None:
        """Once."""
        if not self.script.loads[load_id]:
            self.script.record(load_id)


class KeepingDestination(LedgerDestination):
    """Keeps a ledger in memory: a job's rows and its row go in together, or not at all."""

    def __init__(self, job_class: type[RunnableLoadJob], script: Script) -> None:
        self._job_class: Any = job_class
        self.script = script
        self.jobs: dict[str, RunnableLoadJob] = {}
        self.rows: dict[tuple[str, str], Evidence] = {}

    def client(self) -> AbstractContextManager[KeepingSession]:
        """A connection."""
        return KeepingSession(self)

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        """A job of the script's."""
        self.script.make(spec.job_id)
        made: RunnableLoadJob = self._job_class(spec, self)
        return made

    def prepare(self, manifest: Manifest) -> None:
        """Nothing, unless it is to break."""
        self.script.at(PREPARE)

    def ledger(self, load_id: str) -> Mapping[str, Evidence]:
        """The rows of a load."""
        return {job: found for (load, job), found in self.rows.items() if load == load_id}

    def find(self, load_id: str, job_id: str) -> Evidence | None:
        """Asked after a commit without an answer."""
        self.script.at(READ_BACK, job_id)
        return self.rows.get((load_id, job_id))

    def complete_load(self, load_id: str) -> None:
        """Once."""
        if not self.script.loads[load_id]:
            self.script.record(load_id)

    def is_loaded(self, load_id: str) -> bool:
        """Whether it was."""
        return self.script.loads[load_id] > 0


class KeepingSession:
    """A transaction of `KeepingDestination`."""

    def __init__(self, destination: KeepingDestination) -> None:
        self._destination = destination
        self._row: LedgerRow | None = None
        self._evidence: Evidence | None = None

    def __enter__(self) -> KeepingSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.roll_back()

    def begin(self, lease: Lease) -> None:
        """Nothing is open yet."""
        self.roll_back()

    def write(self, job: LedgerJob) -> int:
        """One row of data."""
        self._destination.script.load(job.job_id)
        return 1

    def add(self, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
        """False where the ledger has the job already."""
        if (row.load_id, row.job_id) in self._destination.rows:
            return False
        if row.status != COMPLETED:
            self._destination.script.at(LEDGER, row.job_id)
        self._row = row
        self._evidence = Evidence(row.status, row.message, row.rows, tuple(follow_ups))
        return True

    def commit(self) -> None:
        """All of it in one."""
        row, evidence = self._row, self._evidence
        assert row is not None
        assert evidence is not None
        key = (row.load_id, row.job_id)
        if row.status == COMPLETED:
            self._destination.script.commit(row.job_id, lambda: self._destination.rows.update({key: evidence}))
        else:
            self._destination.rows[key] = evidence

    def roll_back(self) -> None:
        """Nothing of it stays."""
        self._row = self._evidence = None
