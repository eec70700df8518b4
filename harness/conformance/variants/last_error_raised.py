"""Raises the error that it met last."""

from __future__ import annotations

from refimpl.job import JobState, RunnableLoadJob
from refimpl.loader import Loader as _Loader
from refimpl.loader import PackageRun

BREAKS = "C12"
SCENARIO = "two-errors"
IMPLIED = ()


class Loader(_Loader):
    """Two jobs fail in different ways; which of them the caller hears of is chance."""

    def complete(self, run: PackageRun, job: RunnableLoadJob, state: JobState) -> None:
        """The latest news only."""
        before = len(run.errors)
        super().complete(run, job, state)
        if len(run.errors) > before:
            run.errors = dict.fromkeys(run.errors, run.errors[job.job_id])
