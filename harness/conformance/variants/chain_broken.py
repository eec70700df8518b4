"""Keeps the destination's error and drops the callback's."""

from __future__ import annotations

from refimpl.job import Callback, Outcome, RunnableLoadJob

BREAKS = "C8"
SCENARIO = "double-failure-run-error"
IMPLIED = ("C7",)


class Job(RunnableLoadJob):
    """Nobody learns that the failed job left no marker, and is going to be tried again."""

    def record(self, outcome: Outcome, callback: Callback) -> Outcome:
        """The second error is gone."""
        if outcome.state != "failed":
            return super().record(outcome, callback)
        try:
            callback(self, outcome.state)
        except Exception:
            self.callback_error = self._exception
            return Outcome("failed", self._exception)
        return outcome
