"""Takes a job for completed although its marker could not be written."""

from __future__ import annotations

from refimpl.job import Callback, Outcome, RunnableLoadJob

BREAKS = "C7"
SCENARIO = "callback-raises-callback-error"
IMPLIED = ("C1",)


class Job(RunnableLoadJob):
    """A full disk, and the load looks fine until it is resumed."""

    def record(self, outcome: Outcome, callback: Callback) -> Outcome:
        """Errors of the callback are nobody's business."""
        if outcome.state != "retry":
            try:
                callback(self, outcome.state)
            except OSError:
                pass
        return outcome
