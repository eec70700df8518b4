"""Keeps the callback's error in place of the destination's: ruled out by the tests of dlt-hub/dlt#3854."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C8"
SCENARIO = "double-failure-run-error"
IMPLIED = ()


class Job(RunnableLoadJob):
    """Whoever reads the job's error learns that a file could not be written, and not why the load failed."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """The last error wins."""
        if outcome.state != "retry":
            try:
                callback(self, outcome.state)
            except BaseException as raised:
                self.callback_error = self._exception = raised
                outcome = Outcome("failed", raised)
            self.finish(outcome)
        self.publish(outcome)
        self.release(done_event)
        return outcome
