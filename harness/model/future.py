"""A result that is not there yet."""

from __future__ import annotations

PENDING = "PENDING"
RUNNING = "RUNNING"
CANCELLED = "CANCELLED"
CANCELLED_AND_NOTIFIED = "CANCELLED_AND_NOTIFIED"
FINISHED = "FINISHED"
DONE = (CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED)


class Future:
    """Operations: run, finish, cancel (only while pending), result (enabled once done). States as in the stdlib."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = PENDING

    def done(self) -> bool:
        """Whether result is enabled."""
        return self.state in DONE

    def settled(self) -> bool:
        """Whether `wait` counts it as done: one that was cancelled is, once whoever was to run it knows."""
        return self.state in (CANCELLED_AND_NOTIFIED, FINISHED)
