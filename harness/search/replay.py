"""Strategies that run one known schedule again."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import NondeterminismError
from ..runtime import ChoicePoint, Execution

Deviation = tuple[int, int]
"""How many choices with more than one option to let pass by default since the last one, and the option to take."""


def deviations(log: Sequence[int], widths: Sequence[int]) -> tuple[Deviation, ...]:
    """Where a schedule leaves the default one. Choices with a single option are not counted."""
    found: list[Deviation] = []
    gap = 0
    for index, width in zip(log, widths):
        if width < 2:
            continue
        if index:
            found.append((gap, index))
            gap = 0
        else:
            gap += 1
    return tuple(found)


class Once:
    """A strategy of one execution."""

    complete = True
    bounds = "one schedule"

    def __init__(self) -> None:
        self._ready = True

    def start(self) -> bool:
        """True once."""
        ready, self._ready = self._ready, False
        return ready

    def finish(self, execution: Execution) -> None:
        """Nothing to learn."""


class Fixed(Once):
    """Make exactly these choices, then the default ones.

    Raises (from `choose`):
        NondeterminismError: an option that the schedule takes is not there.
    """

    def __init__(self, log: Sequence[int]) -> None:
        super().__init__()
        self._log = log
        self._at = 0

    def choose(self, point: ChoicePoint) -> int:
        """The recorded choice."""
        at, self._at = self._at, self._at + 1
        index = self._log[at] if at < len(self._log) else 0
        if index >= len(point.options):
            raise NondeterminismError(f"at choice {at} the recorded option {index} is not there now")
        return index


class Replay(Once):
    """Run the default schedule but for the deviations of a token.

    Args:
        schedule: the deviations.
        lenient: take the default where an option is not there, instead of raising. For shrinking.
    """

    def __init__(self, schedule: Sequence[Deviation], lenient: bool = False) -> None:
        super().__init__()
        self._schedule = schedule
        self._lenient = lenient
        self._next = 0
        self._left = schedule[0][0] if schedule else 0
        self.seen = 0
        self.unused = len(schedule)

    def choose(self, point: ChoicePoint) -> int:
        """The default, or the next deviation when its turn has come."""
        if len(point.options) < 2:
            return 0
        self.seen += 1
        if self._next >= len(self._schedule):
            return 0
        if self._left:
            self._left -= 1
            return 0
        index = self._schedule[self._next][1]
        self._next += 1
        self.unused -= 1
        if self._next < len(self._schedule):
            self._left = self._schedule[self._next][0]
        if index < len(point.options):
            return index
        if self._lenient:
            return 0
        raise NondeterminismError(
            f"the token does not fit this program any more: at its choice {self.seen} it takes option {index + 1}, "
            f"but there are {len(point.options)}: " + "; ".join(_option_text(o) for o in point.options)
        )


def _option_text(option: object) -> str:
    operation = getattr(option, "operation", None)
    return f"{operation.task.name} {operation.kind} {operation.resource}" if operation is not None else str(option)
