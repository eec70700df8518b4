"""A bounded queue: how many items it has, how many are unfinished."""

from __future__ import annotations

from collections.abc import Callable

from .lock import Lock


class Queue:
    """Operations: put (enabled while not full), get (enabled while not empty), done, join. ``limit`` <= 0: unbounded.

    ``size`` says how many items there are: they are kept elsewhere. ``mutex`` is there once a task has used it.
    """

    __slots__ = ("limit", "mutex", "shutdown", "size", "unfinished")

    def __init__(self, limit: int, size: Callable[[], int]) -> None:
        self.limit = limit
        self.size = size
        self.unfinished = 0
        self.shutdown = False
        self.mutex: Lock | None = None

    def initial(self) -> tuple[int, int, int]:
        """Its size, limit and number of unfinished items at the start, for `search.gates`."""
        return self.size(), self.limit, self.unfinished

    def reachable(self) -> bool:
        """Whether no task holds the mutex."""
        return self.mutex is None or self.mutex.owner is None

    def can_put(self) -> bool:
        """Whether put is enabled (a put to a queue that was shut down fails at once)."""
        return (self.shutdown or self.limit <= 0 or self.size() < self.limit) and self.reachable()

    def can_get(self) -> bool:
        """Whether get is enabled (a get from an empty queue that was shut down fails at once)."""
        return (self.size() > 0 or self.shutdown) and self.reachable()

    def all_done(self) -> bool:
        """Whether join is enabled."""
        return self.unfinished == 0 and self.reachable()
