"""A schedule as turns: who runs until which of its steps. Changed here or there it is still a schedule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..runtime import ChoicePoint
from ..runtime.execution import Chooser
from ..trace import TIMEOUT, Operation
from .replay import Once

Turn = tuple[str, int]
"""A task, and how many of its steps are done when its turn ends."""
Place = tuple[str, int]
"""A step: the task, and how many steps of it come before, this one included."""


@dataclass(frozen=True)
class Plan:
    """What to do, as far as it can be done.

    Attributes:
        turns: one after another; then the default. A turn ends early where its task has to wait.
        early: steps whose timed wait expires although something else can run.
        data: for each step that made data choices, those.
    """

    turns: tuple[Turn, ...]
    early: frozenset[Place] = frozenset()
    data: tuple[tuple[Place, tuple[int, ...]], ...] = ()


def plan_of(steps: Sequence[Operation], data: Mapping[Place, Sequence[int]]) -> Plan:
    """The plan that does these steps of an execution again."""
    turns: list[Turn] = []
    early: set[Place] = set()
    count: dict[str, int] = defaultdict(int)
    for step in steps:
        task = step.task.key
        count[task] += 1
        if turns and turns[-1][0] == task:
            turns.pop()
        turns.append((task, count[task]))
        if step.outcome is TIMEOUT:
            early.add((task, count[task]))
    chosen = {place: tuple(taken) for place, taken in data.items() if place[1] <= count[place[0]] and any(taken)}
    return Plan(tuple(turns), frozenset(early), tuple(sorted(chosen.items())))


class Recorder:
    """Notes the data choices that another chooser makes, by the step that makes them."""

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self._count: dict[str, int] = defaultdict(int)
        self.data: dict[Place, list[int]] = defaultdict(list)

    def choose(self, point: ChoicePoint) -> int:
        """What the other one says."""
        index = self._chooser.choose(point)
        if point.kind == "schedule":
            if index >= 0:
                self._count[point.options[index].task.key] += 1
        elif point.current is not None:
            task = point.current.key
            self.data[task, self._count[task]].append(index)
        return index


class Follow(Once):
    """Follows a plan as far as the program lets it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._turns = plan.turns
        self._early = plan.early
        self._data = dict(plan.data)
        self._at = 0
        self._count: dict[str, int] = defaultdict(int)
        self._made = 0

    def choose(self, point: ChoicePoint) -> int:
        """The option of the task whose turn it is, else the default."""
        if point.kind != "schedule":
            return self._choose_data(point)
        index = self._option(point)
        self._count[point.options[index].task.key] += 1
        self._made = 0
        return index

    def _option(self, point: ChoicePoint) -> int:
        while self._at < len(self._turns):
            task, until = self._turns[self._at]
            step = self._count[task] + 1
            if step <= until:
                mine = [index for index, option in enumerate(point.options) if option.task.key == task]
                early = [index for index in mine if point.options[index].outcome is TIMEOUT]
                wanted = early if (task, step) in self._early else []
                wanted += [index for index in mine if index not in early]
                if wanted:
                    return wanted[0]
            self._at += 1
        return 0

    def _choose_data(self, point: ChoicePoint) -> int:
        assert point.current is not None
        task = point.current.key
        wanted = self._data.get((task, self._count[task]), ())
        index = wanted[self._made] if self._made < len(wanted) else 0
        self._made += 1
        return index if index < len(point.options) else 0
