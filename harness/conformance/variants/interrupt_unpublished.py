"""Publishes nothing where something else than an Exception was raised, as dlt 1.28.0 to 1.31.0 do."""

from __future__ import annotations

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob

BREAKS = "C6"
SCENARIO = "client-raises-run-interrupt"
IMPLIED = ()


class Job(RunnableLoadJob):
    """KeyboardInterrupt in a worker: the job runs for ever, and so does the loader."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """The worker dies without a word."""
        if outcome.raises is not None:
            raise outcome.raises
        return super().conclude(outcome, done_event, callback)
