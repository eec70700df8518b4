"""A lock, reentrant or not."""

from __future__ import annotations

from typing import Any


class Lock:
    """Operations: acquire (enabled while free, or held by the same task if reentrant), release."""

    __slots__ = ("depth", "owner", "reentrant")

    def __init__(self, reentrant: bool = False) -> None:
        self.reentrant = reentrant
        self.owner: Any = None
        self.depth = 0

    def free_for(self, task: Any) -> bool:
        """Whether ``task`` could acquire it now."""
        return self.owner is None or (self.reentrant and self.owner is task)

    def acquire(self, task: Any) -> None:
        """Take it; only when `free_for`."""
        self.owner = task
        self.depth += 1

    def release(self) -> None:
        """Give it back once."""
        self.depth -= 1
        if self.depth == 0:
            self.owner = None

    def holders(self) -> tuple[Any, ...]:
        """Who holds it."""
        return () if self.owner is None else (self.owner,)

    def give_up(self) -> int:
        """Give it back however often it was taken; returns how often."""
        depth = self.depth
        self.forget()
        return depth

    def take_back(self, task: Any, depth: int) -> None:
        """Undo `give_up`."""
        self.owner = task
        self.depth = depth

    def forget(self) -> None:
        """Nobody holds it any more."""
        self.owner = None
        self.depth = 0
