"""Ends a job whose callback raises, and swallows the error: ruled out by the review of dlt-hub/dlt#3854."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C7"
SCENARIO = "callback-raises-callback-error"
IMPLIED = ()


class Job(RunnableLoadJob):
    """Its review: "we need to set a terminal state without swallowing the exception"."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """A failure that nobody can tell from one of the destination."""
        if outcome.state != "retry":
            try:
                callback(self, outcome.state)
            except Exception:
                outcome = Outcome("failed")
            self.finish(outcome)
        self.publish(outcome)
        self.release(done_event)
        return outcome
