"""A condition variable: who waits, and who has been notified."""

from __future__ import annotations

from typing import Any


class Condition:
    """Operations: wait (joins the queue), notify (wakes the longest waiting first, as CPython does), leave."""

    __slots__ = ("notified", "waiters")

    def __init__(self) -> None:
        self.waiters: list[Any] = []
        self.notified: set[Any] = set()

    def wait(self, task: Any) -> None:
        """``task`` starts to wait."""
        self.waiters.append(task)

    def is_notified(self, task: Any) -> bool:
        """Whether ``task`` may go on."""
        return task in self.notified

    def leave(self, task: Any) -> None:
        """``task`` stops waiting, woken or timed out."""
        if task in self.notified:
            self.notified.discard(task)
        else:
            self.waiters.remove(task)

    def notify(self, n: int) -> None:
        """Wake up to ``n`` waiters."""
        self.notified.update(self.waiters[:n])
        del self.waiters[:n]
