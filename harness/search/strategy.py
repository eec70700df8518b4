"""The one interface of every search: what a strategy is asked, and what it is told."""

from __future__ import annotations

from typing import Protocol

from ..runtime import ChoicePoint, Execution


class Strategy(Protocol):
    """Chooses the schedules to run, one after another. Replay, checks and statistics have this shape too.

    Attributes:
        complete: whether everything that the strategy covers has been run when `start` returns False.
        bounds: what limits it, for people; empty where nothing does.
    """

    complete: bool
    bounds: str

    def start(self) -> bool:
        """Get ready for one more execution; False: nothing left to run."""

    def choose(self, point: ChoicePoint) -> int:
        """Index into ``point.options``; 0 is the default, which runs on without preemption."""

    def finish(self, execution: Execution) -> None:
        """The execution has ended."""
