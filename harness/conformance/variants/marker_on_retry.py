"""Leaves a marker on "retry" too."""

from __future__ import annotations

from refimpl.job import Callback, Outcome, RunnableLoadJob

BREAKS = "C9"
SCENARIO = "retried"
IMPLIED = ()


class Job(RunnableLoadJob):
    """After a crash the job would count as failed, with no further attempt."""

    def record(self, outcome: Outcome, callback: Callback) -> Outcome:
        """The callback for whatever came of it."""
        if outcome.state == "retry":
            callback(self, "failed")
        return super().record(outcome, callback)
