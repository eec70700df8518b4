"""A flag that tasks wait for."""

from __future__ import annotations


class Event:
    """Operations: set, clear, wait (enabled while set)."""

    __slots__ = ("flag",)

    def __init__(self, flag: bool = False) -> None:
        self.flag = flag

    def initial(self) -> bool:
        """What it starts with, for `search.gates`."""
        return self.flag

    def is_set(self) -> bool:
        """Whether wait is enabled."""
        return self.flag
