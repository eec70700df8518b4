"""Lets a release of the done event raise that nobody needed."""

from __future__ import annotations

from refimpl.job import DoneEvent, RunnableLoadJob

BREAKS = "C10"
SCENARIO = "shared-wakeup"
IMPLIED = ("C12", "run")


class Job(RunnableLoadJob):
    """Two jobs end before the loader looks: the second release is one too many, and its worker dies of it."""

    def release(self, done_event: DoneEvent) -> None:
        """The semaphore knows best."""
        done_event.release()
