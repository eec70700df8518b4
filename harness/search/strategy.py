"""The one interface of every search: what a strategy is asked, and what it is told."""

from __future__ import annotations

from typing import Protocol

from ..errors import NondeterminismError
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


def differs(at: int, what: str) -> NondeterminismError:
    """The error of a program that does not do again what it did under the same choices."""
    return NondeterminismError(
        f"the program did something else under the same choices, at choice {at}: {what}. Usual causes: the order of a "
        "set, id() or hash(), the clock, random numbers, a cache that the first execution filled, or a thread outside "
        "our control"
    )
