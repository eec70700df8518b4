"""The happens-before order of a trace, and its races.

Two operations of different tasks that conflict are *racing* when no chain of other operations orders them: run the
other way round they would make another trace. Races are found per task and per resource from the whole history of a
resource; keeping one last access only loses outcomes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..trace import Operation, conflicting


def races(steps: list[Operation]) -> Iterator[tuple[int, int]]:
    """Pairs of step indices (earlier, later) that race.

    An operation that had to wait could not have come before the one that made it possible; what it races with then
    lies further back (a lock's acquire races with the acquire before it, not with the release between). So for such
    an operation every unordered predecessor but that one is reported.
    """
    index = {task: n for n, task in enumerate(dict.fromkeys(step.task for step in steps))}
    now = {task: [-1] * len(index) for task in index}  # per task: the last step of each task that it knows of
    clocks: list[list[int]] = []
    history: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for j, step in enumerate(steps):
        task = step.task
        clock = now[task]
        if step.kind == "begin" and task.born >= 0:
            _join(clock, clocks[task.born])
        found: set[int] = set()
        for name, mode in step.accesses:
            for i, other in history[name]:
                if steps[i].task is not task and conflicting(other, mode):
                    found.add(i)
        before = sorted(found, reverse=True)
        known = clock if step.enabled is None else list(clock)
        for i in before:
            if i > known[index[steps[i].task]] and i + 1 != step.ready:
                yield i, j
                if step.enabled is None:
                    _join(clock, clocks[i])
        if step.enabled is not None:
            for i in before:
                _join(clock, clocks[i])
        clock[index[task]] = j
        clocks.append(list(clock))
        for name, mode in step.accesses:
            history[name].append((j, mode))


def _join(clock: list[int], other: list[int]) -> None:
    for n, value in enumerate(other):
        if value > clock[n]:
            clock[n] = value


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
