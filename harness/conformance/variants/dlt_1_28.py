"""Publishes in a `finally` even where the callback raised, as dlt 1.28.0 to 1.31.0 do (dlt-hub/dlt#3854)."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C7"
SCENARIO = "callback-raises-callback-error"
IMPLIED = ("C1", "C3", "C11")


class Job(RunnableLoadJob):
    """ "completed" without a marker, and nobody is woken."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """What it raises is lost in the worker."""
        try:
            if outcome.state != "retry":
                callback(self, outcome.state)
                self.finish(outcome)
        finally:
            self.publish(outcome)
        if outcome.state != "retry":
            self.release(done_event)
        return outcome
