"""Sets finished_at after the state is published."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C3"
SCENARIO = "one-job"
IMPLIED = ()


class Job(RunnableLoadJob):
    """Whoever reads the metrics of a completed job may find no finish time."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """State before the time."""
        outcome = self.record(outcome, callback)
        self.publish(outcome)
        self.finish(outcome)
        self.release(done_event)
        return outcome
