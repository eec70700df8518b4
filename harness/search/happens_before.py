"""The happens-before order of a trace, and its races.

Two operations of different tasks that conflict are *racing* when no chain of other operations orders them: run the
other way round they would make another trace. Races are found per task and per resource from the whole history of a
resource; keeping one last access only loses outcomes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..trace import Operation, conflicting

Clock = list[int]
"""For each task, by number, the last step of it that is known; shorter where none is."""


def join(clock: Clock, other: Clock) -> None:
    """Know what ``other`` knows too."""
    if len(other) > len(clock):
        clock.extend([-1] * (len(other) - len(clock)))
    for n, value in enumerate(other):
        if value > clock[n]:
            clock[n] = value


class History:
    """The accesses to each resource, in order. Steps are taken out again last first."""

    def __init__(self) -> None:
        self._accesses: dict[str, list[tuple[int, str]]] = defaultdict(list)

    def add(self, step: Operation, index: int) -> None:
        """A step has happened."""
        for name, mode in step.accesses:
            self._accesses[name].append((index, mode))

    def drop(self, step: Operation | None) -> None:
        """Take the last step out."""
        if step is not None:
            for name, _ in step.accesses:
                self._accesses[name].pop()

    def conflicts(self, step: Operation, steps: list[Operation]) -> list[int]:
        """Steps of other tasks that conflict with this one, the latest first."""
        task = step.task.key
        found: set[int] = set()
        for name, mode in step.accesses:
            for i, other in self._accesses[name]:
                if conflicting(other, mode) and steps[i].task.key != task:
                    found.add(i)
        return sorted(found, reverse=True)


def races(steps: list[Operation]) -> Iterator[tuple[int, int]]:
    """Pairs of step indices (earlier, later) that race.

    An operation that had to wait could not have come before the one that made it possible; what it races with then
    lies further back (a lock's acquire races with the acquire before it, not with the release between). So for such
    an operation every unordered predecessor but that one is reported.
    """
    index = {task: n for n, task in enumerate(dict.fromkeys(step.task for step in steps))}
    now = {task: [-1] * len(index) for task in index}  # per task: the last step of each task that it knows of
    clocks: list[list[int]] = []
    history = History()
    for j, step in enumerate(steps):
        task = step.task
        clock = now[task]
        if step.kind == "begin" and task.born >= 0:
            join(clock, clocks[task.born])
        before = history.conflicts(step, steps)
        known = clock if step.enabled is None else list(clock)
        for i in before:
            if i > known[index[steps[i].task]] and i + 1 != step.ready:
                yield i, j
                if step.enabled is None:
                    join(clock, clocks[i])
        if step.enabled is not None:
            for i in before:
                join(clock, clocks[i])
        clock[index[task]] = j
        clocks.append(list(clock))
        history.add(step, j)


_BOOKKEEPING = ("task ", "pool ", "future ", "budget ")


def interacts(steps: list[Operation]) -> bool:
    """Whether two tasks did dependent operations on something of the program's own: else nothing was checked."""
    seen: dict[str, list[tuple[object, str]]] = defaultdict(list)
    for step in steps:
        for name, mode in step.accesses:
            if name.startswith(_BOOKKEEPING):
                continue
            if any(task is not step.task and conflicting(other, mode) for task, other in seen[name]):
                return True
            seen[name].append((step.task, mode))
    return False
