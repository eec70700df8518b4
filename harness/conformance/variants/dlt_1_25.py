"""Publishes where the destination returned, then calls back, as dlt 1.25.0 to 1.27.2 did (dlt-hub/dlt#3849)."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C1"
SCENARIO = "shared-wakeup"
IMPLIED = ("C3", "C4", "C12", "run")


class Job(RunnableLoadJob):
    """A callback that raises ends the worker on the spot: no finish time, no wake-up, and a state that says "done"."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """State, callback, finish time, wake-up; nothing is caught; a retry wakes nobody."""
        self.publish(outcome)
        if outcome.state != "retry":
            callback(self, outcome.state)
            self.finish(outcome)
            self.release(done_event)
        return outcome
