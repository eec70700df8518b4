"""Wakes the loader for success only."""

from __future__ import annotations

from refimpl.job import DoneEvent, RunnableLoadJob

BREAKS = "C11"
SCENARIO = "terminal-failure"
IMPLIED = ()


class Job(RunnableLoadJob):
    """A package of failures takes a poll for each."""

    def release(self, done_event: DoneEvent) -> None:
        """Good news only."""
        if self._state != "failed":
            super().release(done_event)
