"""The happens-before order of a trace, and its races.

Two operations of different tasks that conflict are *racing* when no chain of other operations orders them: run the
other way round they would make another trace. Races are found per task and per resource from the whole history of a
resource; keeping one last access only loses outcomes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..trace import WRITE, Accesses, Operation, conflicting

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
        self._accesses: dict[str, list[tuple[int, str, str]]] = defaultdict(list)  # index, mode, task

    def add(self, step: Operation, index: int) -> None:
        """A step has happened."""
        task = step.task.key
        for name, mode in step.accesses:
            self._accesses[name].append((index, mode, task))

    def drop(self, step: Operation | None) -> None:
        """Take the last step out."""
        if step is not None:
            for name, _ in step.accesses:
                self._accesses[name].pop()

    def on(self, names: Iterable[str]) -> list[int]:
        """The indices of the steps that touch any of these resources."""
        lists = [self._accesses.get(name, ()) for name in names]
        if len(lists) == 1:
            return [entry[0] for entry in lists[0]]
        return sorted({entry[0] for found in lists for entry in found})

    def conflicts(self, task: str, accesses: Accesses, all_of_them: bool = False) -> list[int]:
        """Steps of other tasks that conflict with these accesses, the latest first.

        Those before the last write of a resource come before that write, and are left out but for ``all_of_them``.
        """
        found: list[int] = []
        for name, mode in accesses:
            for i, other, whose in reversed(self._accesses.get(name, ())):
                if (mode is not other or mode is WRITE) and whose != task:
                    found.append(i)
                if other is WRITE and not all_of_them:
                    break
        return found if len(accesses) == 1 else sorted(set(found), reverse=True)


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
        before = history.conflicts(task.key, step.accesses, all_of_them=True)
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


_BOOKKEEPING = ("task ", "budget ", "program ")
_HANDED_OVER = ("run", "set result", "set exception", "result", "too late to cancel")


def interacts(steps: list[Operation]) -> bool:
    """Whether two tasks did dependent operations on something of the program's own: else nothing was checked.

    Work that is handed to a pool, and its result back, is no more than a thread that is started and joined.
    """
    seen: dict[str, list[tuple[object, str, bool]]] = defaultdict(list)
    given = {step.resource for step in steps if step.kind == "run"}  # futures that a pool's worker took
    for step in steps:
        for name, mode in step.accesses:
            if name.startswith(_BOOKKEEPING) or step.kind == "take work":
                continue
            plain = name in given and step.kind in _HANDED_OVER
            for task, other, also in seen[name]:
                if task is not step.task and conflicting(other, mode) and not (plain and also):
                    return True
            seen[name].append((step.task, mode, plain))
    return False
