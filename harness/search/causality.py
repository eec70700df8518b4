"""The happens-before order of an execution's steps: what a step's past is, and in which orders it could have come.

Two neighbouring steps that are independent can be swapped and the result is the same. So any order of the steps that
keeps the happens-before order is as good as the one that was seen, and one with few preemptions can be looked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

from ..runtime import Execution
from ..trace import Operation, conflicting
from .gates import enabled_after

EXPANSIONS = 2000
"""Places looked at in the search for an order with few preemptions; then the best so far is finished as it comes."""

Cut = tuple[int, ...]
"""For each task, how many of its steps: a set of steps closed under happens-before."""
Turns = list[tuple[int, int]]
"""An order of steps: a task, by number, and how many of its steps are done when its turn ends."""


class Causality:
    """The happens-before order of the steps of one execution.

    Args:
        execution: it has just ended, and none was run since.

    Attributes:
        tasks: keys of the tasks, in the order in which they first ran; elsewhere a task is its number here.
        of: for each task, its steps.
        needs: for each task and each of its steps, the cut that must have been done before it.
    """

    def __init__(self, execution: Execution) -> None:
        steps = execution.steps
        self.tasks = list(dict.fromkeys(step.task.key for step in steps))
        self.of: list[list[Operation]] = [[] for _ in self.tasks]
        self.needs: list[list[Cut]] = [[] for _ in self.tasks]
        number = {key: n for n, key in enumerate(self.tasks)}
        known = [[0] * len(number) for _ in number]  # for each task: the cut that it knows of
        accesses: dict[str, dict[str, list[int]]] = {}  # for each resource and mode: the past of all these accesses
        self._after: list[Cut] = []  # for each step: its past and itself
        self._places: list[tuple[int, int]] = []  # for each step: its task, and the how-many-eth it is there
        self._on: dict[str, list[int]] = {}  # for each resource: the steps that touch it
        self._steps = steps
        self._initial = execution.initial
        self._pending = {number[t.key]: t.pending for t in execution.live if t.key in number and t.pending.index < 0}
        for index, step in enumerate(steps):
            task = number[step.task.key]
            past = known[task]
            if not self.of[task] and step.task.born >= 0:
                _join(past, self._after[step.task.born])
            for name, mode in step.accesses:
                for other, cut in accesses.get(name, {}).items():
                    if conflicting(mode, other):
                        _join(past, cut)
            if step.forced:  # it could come only because nothing else could
                for cut in known:
                    _join(past, cut)
            self.needs[task].append(tuple(past))
            self.of[task].append(step)
            past[task] = len(self.of[task])
            self._after.append(tuple(past))
            self._places.append((task, past[task]))
            for name, mode in step.accesses:
                _join(accesses.setdefault(name, {}).setdefault(mode, [0] * len(number)), past)
                self._on.setdefault(name, []).append(index)

    def past(self, index: int) -> Cut:
        """A step of the execution with all that happened before it."""
        return self._after[index]

    @property
    def whole(self) -> Cut:
        """All steps."""
        return tuple(map(len, self.of))

    def available(self, task: int, done: Sequence[int]) -> bool:
        """Whether the next step of a task may come when these steps have been done."""
        needs = self.needs[task]
        return done[task] < len(needs) and all(n <= d for n, d in zip(needs[done[task]], done))

    def leaving(self, task: int, done: Sequence[int]) -> int:
        """1 if it costs a preemption to go on with another task; a guess where it is not known whether it can go on."""
        steps = self.of[task]
        at = done[task]
        operation = steps[at] if at < len(steps) else self._pending.get(task)
        if operation is None or operation.poll:
            return 0
        if operation.enabled is None:
            return 1
        able = enabled_after(operation, lambda names: self._done_on(names, done), self._initial)
        return int(self.available(task, done) if able is None else able)

    def _done_on(self, names: Iterable[str], done: Sequence[int]) -> list[Operation]:
        indices = sorted({index for name in names for index in self._on.get(name, ())})
        return [self._steps[n] for n in indices if self._places[n][1] <= done[self._places[n][0]]]

    def stops(self, task: int, done: Cut, cut: Cut) -> Iterator[Cut]:
        """Where a turn of a task may end: where it can be left for nothing, and where it cannot go on."""
        at = list(done)
        while at[task] < cut[task] and self.available(task, at):
            at[task] += 1
            if at[task] < cut[task] and self.of[task][at[task]].poll:
                yield tuple(at)
        if at[task] > done[task]:
            yield tuple(at)


def few_preemptions(order: Causality, cut: Cut) -> Turns:
    """An order of the steps of a cut with as few preemptions, then turns, as can be found."""
    start: Cut = (0,) * len(cut)
    heap: list[tuple[int, int, int, Cut, int, Turns]] = [(0, 0, 0, start, -1, [])]
    seen: set[tuple[Cut, int]] = set()
    serial = 0
    furthest = heap[0]
    while heap and len(seen) < EXPANSIONS:
        place = heapq.heappop(heap)
        cost, turns, _, done, current, path = place
        if done == cut:
            return path
        if (done, current) in seen:
            continue
        seen.add((done, current))
        if sum(done) > sum(furthest[3]):
            furthest = place
        left = cost + (order.leaving(current, done) if current >= 0 else 0)
        for task in range(len(cut)):
            if task != current:
                for stop in order.stops(task, done, cut):
                    serial += 1
                    heapq.heappush(heap, (left, turns + 1, serial, stop, task, [*path, (task, stop[task])]))
    return _as_it_comes(order, furthest[3], cut, furthest[5])


def _as_it_comes(order: Causality, done: Cut, cut: Cut, path: Turns) -> Turns:
    path = list(path)
    while done != cut:
        for task in range(len(cut)):
            for stop in order.stops(task, done, cut):
                done = stop
                path.append((task, stop[task]))
    return path


def _join(known: list[int], other: Sequence[int]) -> None:
    for n, value in enumerate(other):
        if value > known[n]:
            known[n] = value
