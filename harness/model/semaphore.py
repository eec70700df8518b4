"""A counting semaphore."""

from __future__ import annotations


class Semaphore:
    """Operations: acquire (enabled while value > 0), release. ``limit``: the value that it may not exceed, or None."""

    __slots__ = ("limit", "value")

    def __init__(self, value: int, limit: int | None = None) -> None:
        self.value = value
        self.limit = limit

    def initial(self) -> int:
        """What it starts with, for `search.gates`."""
        return self.value

    def available(self) -> bool:
        """Whether acquire is enabled."""
        return self.value > 0

    def can_release(self, n: int) -> bool:
        """Whether releasing ``n`` stays within the limit."""
        return self.limit is None or self.value + n <= self.limit
