"""Makes the client outside of what catches errors, as dlt 1.31.0 does."""

from __future__ import annotations

from refimpl.job import Callback, Client, DoneEvent, RunnableLoadJob

BREAKS = "C6"
SCENARIO = "client-raises-constructor-transient"
IMPLIED = ()


class Job(RunnableLoadJob):
    """A constructor that raises, as where a server is down, leaves the job running."""

    def run_managed(self, client: Client, done_event: DoneEvent, callback: Callback) -> None:
        """Take the job, make the client, then look after errors."""
        self.start()
        made = client()
        outcome = self.attempt_run(lambda: made)
        outcome = self.conclude(outcome, done_event, callback)
        if outcome.raises is not None:
            raise outcome.raises
