"""The default schedule with given faults: what other orders with the same faults are held against."""

from __future__ import annotations

from collections.abc import Sequence

from ..faults.budget import CHOICE
from ..runtime import ChoicePoint
from .replay import Once


class SameFaults(Once):
    """Run on without preemption, and let each of these places break where it is come to.

    Args:
        faults: places and kinds.
    """

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._faults = dict(faults)

    def choose(self, point: ChoicePoint) -> int:
        """The default, but for the faults."""
        if not point.kind.startswith(CHOICE):
            return 0
        kind = self._faults.get(point.kind[len(CHOICE) :], "")
        return point.options.index(kind) if kind in point.options else 0
