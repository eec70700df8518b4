"""The protocol of a destination: where jobs go, and what it promises about each of them.

A loader uses a destination in this order:

    lease = acquire(load_id, owner)     from here on no worker of an older run can commit
    ledger(load_id)                     what is done already
    prepare(manifest)                   tables made and widened; what `replace` takes out is taken out, once
    job(spec).run_managed(client, ...)  for each job, in a worker of its own
    complete_load(load_id)              the load's record, once

One that keeps a ledger derives from `refimpl.destinations.ledger.LedgerDestination`, which has the transaction of a
job written out, and says `promise = "exactly-once"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from refimpl.job import RunnableLoadJob
from refimpl.package import Evidence, JobSpec, Lease, Manifest, Promise


class Destination:
    """Where jobs go. Only `job` must be overridden; the rest is what a destination without a ledger does.

    With `has_ledger` its rows are the truth about which jobs are done, and markers only a cache: a job is executed
    again unless `ledger` has a row of it. Without, the marker is the truth, and a crash between a job's commit and
    its marker loads that job twice, unless a second time changes nothing ("idempotent").
    """

    name = "destination"
    has_ledger = False
    promise: Promise = "at-least-once"

    def client(self) -> AbstractContextManager[Any]:
        """A new connection, made and entered by each job. Leaving it must not be what commits."""
        return nullcontext()

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        """One attempt at the job of `spec`, not yet run. A follow-up has a `parent` and no file."""
        raise NotImplementedError

    def acquire(self, load_id: str, owner: str) -> Lease:
        """Take the load over: no transaction under an older lease commits after this has returned.

        Args: `owner` says who asks, for people. Returns the lease that each job of this run carries.
        """
        return Lease(load_id)

    def prepare(self, manifest: Manifest) -> None:
        """Get ready for a package, before any of its jobs runs: make or widen tables. Called by the loader's thread.

        May be called again for the same load after a crash. What `replace` deletes is deleted in the load's first
        transaction, which also records that it was: a second call must not delete what the load has brought since.
        """

    def ledger(self, load_id: str) -> Mapping[str, Evidence]:
        """The terminal jobs of a load by job id, each with its follow-ups. Called when `has_ledger`."""
        return {}

    def record_failure(self, job: RunnableLoadJob, message: str) -> Evidence | None:
        """Put a terminal failure into the ledger, in a transaction of its own; what the ledger has of the job now."""
        return None

    def complete_load(self, load_id: str) -> None:
        """Record the load as a whole, once: a second call for the same load does nothing."""

    def is_loaded(self, load_id: str) -> bool:
        """Whether `complete_load` was done. Called when `has_ledger`."""
        return False

    def close(self) -> None:
        """Let go of what is held open. Connections that are open still cannot commit after this."""
