"""Publishes last, and not at all where the callback raises: the first shape of dlt-hub/dlt#3854."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C6"
SCENARIO = "callback-raises-callback-error"
IMPLIED = ()


class Job(RunnableLoadJob):
    """Its review: "right now if the callback raises the job stays in a non-terminal state"; the loader never ends."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """Callback, finish time, state, wake-up; nothing is caught."""
        if outcome.state != "retry":
            callback(self, outcome.state)
            self.finish(outcome)
        self.publish(outcome)
        if outcome.state != "retry":
            self.release(done_event)
        return outcome
