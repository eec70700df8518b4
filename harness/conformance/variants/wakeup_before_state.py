"""Wakes the loader before the state is published."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C2"
SCENARIO = "shared-wakeup"
IMPLIED = ("C11",)


class Job(RunnableLoadJob):
    """The loader that wakes up finds "running" and goes back to sleep."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """Wake-up before the state."""
        outcome = self.record(outcome, callback)
        self.finish(outcome)
        self.release(done_event)
        self.publish(outcome)
        return outcome
