"""Publishes the state before the marker is written, as dlt 1.25.0 to 1.27.2 did (dlt-hub/dlt#3849)."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C1"
SCENARIO = "shared-wakeup"
IMPLIED = ("C3", "C4", "C12", "run")


class Job(RunnableLoadJob):
    """Whoever looks between `publish` and `record` sees a state that nothing on disk bears out."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """State first."""
        self.publish(outcome)
        outcome = self.record(outcome, callback)
        self.finish(outcome)
        self.release(done_event)
        return outcome
