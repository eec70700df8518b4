"""Raises at the first failed job and starts no other, as dlt did before dlt-hub/dlt#208 was done."""

from __future__ import annotations

from refimpl.errors import JobsFailed
from refimpl.job import JobState, RunnableLoadJob
from refimpl.loader import Loader as _Loader
from refimpl.loader import PackageRun

BREAKS = "C12"
SCENARIO = "raise-on-failed"
IMPLIED = ()


class Loader(_Loader):
    """Which of the other jobs were loaded by then depends on who was faster."""

    def complete(self, run: PackageRun, job: RunnableLoadJob, state: JobState) -> None:
        """No time to lose."""
        super().complete(run, job, state)
        if state == "failed" and self.raise_on_failed_jobs:
            raise JobsFailed(f"load {run.load_id}: {job.job_id} failed")
