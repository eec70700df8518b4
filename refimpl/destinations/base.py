"""What a destination must give the loader."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from refimpl.job import RunnableLoadJob
from refimpl.package import Evidence, JobSpec, Manifest


class Destination:
    """Where jobs go. Only `job` must be overridden; the rest is what a destination without a ledger does.

    With `has_ledger` its rows are the truth about which jobs are done, and markers only a cache: a job is executed
    again unless `ledger` has a row of it. Without, the marker is the truth, and a crash between a job's commit and
    its marker loads that job twice.
    """

    name = "destination"
    has_ledger = False

    def client(self) -> AbstractContextManager[Any]:
        """A new connection, made and entered by each job. Leaving it must not be what commits."""
        return nullcontext()

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        """One attempt at the job of `spec`, not yet run."""
        raise NotImplementedError

    def prepare(self, manifest: Manifest) -> None:
        """Get ready for a package, before any of its jobs runs: make or widen tables. Called by the loader's thread."""

    def ledger(self, load_id: str) -> Mapping[str, Evidence]:
        """The terminal jobs of a load by job id, as the ledger has them. Called when `has_ledger`."""
        return {}

    def complete_load(self, load_id: str) -> None:
        """Record the load as a whole, once: a second call for the same load does nothing."""

    def is_loaded(self, load_id: str) -> bool:
        """Whether `complete_load` was done. Called when `has_ledger`."""
        return False

    def close(self) -> None:
        """Let go of what is held open."""
