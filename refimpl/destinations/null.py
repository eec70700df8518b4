"""A destination that takes everything and keeps nothing. It has no ledger: its truth is the marker."""

from __future__ import annotations

from refimpl.destinations.base import Destination
from refimpl.job import RunnableLoadJob
from refimpl.package import JobSpec


class NullJob(RunnableLoadJob):
    """A job that succeeds without looking at its file."""

    def run(self) -> None:
        """Do nothing."""


class NullDestination(Destination):
    """Takes every job at once; for trying things out and for measuring the loader alone."""

    name = "null"

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        """A `NullJob`."""
        return NullJob(spec)
