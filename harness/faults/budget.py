"""Whether a place breaks is a choice of the step that is being taken, as long as the execution may have one more fault.

The choice is a data choice (`Execution.choose`): its options are siblings, of which the default is that nothing breaks.
So one token replays the order and the fault. Spending the budget is a write of a resource of its own. Not spending
touches nothing: whichever order independent steps are put in, a trace has the same faults, so every order of it keeps
within the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..runtime import Execution, control
from ..trace import WRITE

_KEY = "faults"
RESOURCE = "budget faults"
CHOICE = "fault at "
"""What the kind of such a choice begins with; the place follows."""


@dataclass(frozen=True)
class Happened:
    """A fault that was chosen.

    Attributes:
        place: what broke; the same from run to run.
        kind: how.
        step: index of the step that it belongs to.
    """

    place: str
    kind: str
    step: int

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}"


class Budget:
    """The faults of one execution.

    Attributes:
        left: how many more it may have.
        happened: those it had, in order.
        met: whether one more would have been possible.
    """

    __slots__ = ("happened", "left", "met")

    def __init__(self, allowed: int) -> None:
        self.left = allowed
        self.happened: list[Happened] = []
        self.met = False

    def attach(self, execution: Execution) -> None:
        """Make it the budget of an execution."""
        execution.notes[_KEY] = self


def budget_of(execution: Execution) -> Budget | None:
    """The budget of an execution; None where no faults were asked for."""
    found: Budget | None = execution.notes.get(_KEY)
    return found


def happened(execution: Execution) -> list[Happened]:
    """The faults that an execution had, in order."""
    budget = budget_of(execution)
    return [] if budget is None else budget.happened


def breaks(place: str, kinds: Sequence[str]) -> str:
    """Choose whether, and in which of ``kinds``, a place breaks now; empty where it does not.

    Call it in the step that may break, after its operation was announced. A place breaks at most once in an execution.
    Outside an execution, or where no faults were asked for, nothing ever breaks.
    """
    execution = control.current()
    budget = None if execution is None else budget_of(execution)
    if execution is None or budget is None or not kinds:
        return ""
    if any(fault.place == place for fault in budget.happened):
        return ""
    if budget.left <= 0:
        budget.met = True
        return ""
    index = execution.choose(f"{CHOICE}{place}", ("", *kinds))
    if index == 0:
        return ""
    step = execution.steps[-1]
    budget.left -= 1
    budget.happened.append(Happened(place, kinds[index - 1], step.index))
    step.accesses += ((RESOURCE, WRITE),)
    step.fault = kinds[index - 1]
    return kinds[index - 1]
