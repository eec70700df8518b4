"""A bounded queue: how many items it has, how many are unfinished."""

from __future__ import annotations


class Queue:
    """Operations: put (enabled while not full), get (enabled while not empty), done, join. ``limit`` <= 0: unbounded."""

    __slots__ = ("limit", "shutdown", "size", "unfinished")

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self.size = 0
        self.unfinished = 0
        self.shutdown = False

    def initial(self) -> tuple[int, int]:
        """Its size and limit at the start, for `search.gates`."""
        return self.size, self.limit

    def can_put(self) -> bool:
        """Whether put is enabled (a put to a queue that was shut down fails at once)."""
        return self.shutdown or self.limit <= 0 or self.size < self.limit

    def can_get(self) -> bool:
        """Whether get is enabled (a get from an empty queue that was shut down fails at once)."""
        return self.size > 0 or self.shutdown

    def all_done(self) -> bool:
        """Whether join is enabled."""
        return self.unfinished == 0
