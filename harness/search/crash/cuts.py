"""The cuts of a trace: sets of what was done to disk and outside that are closed under happens-before.

An execution shows one order of a trace. A crash may come in any: at every cut. Only what changes something is an
*element* of a cut; one step may have several (the removal of a tree), and a crash may come between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...disk.journal import BARRIERS, Create, Entry, Journal, Sync, SyncAll
from ...runtime import Execution
from ...trace import WRITE, Operation
from ..happens_before import Clock, join

Cut = tuple[int, ...]
"""For each task, how many of its elements are in it."""

Turn = tuple[str, str]
"""Whose step, and how it comes out."""


@dataclass(frozen=True, eq=False)
class Element:
    """One change.

    Attributes:
        entry: of the journal.
        step: in which it was made.
        task: whose, by number.
        need: the smallest cut that holds all that happens before it.
        name: the same number for the same change after the same history, in whichever execution.
    """

    entry: Entry
    step: int
    task: int
    need: Cut
    name: int


class Names:
    """Numbers for things that are equal, across executions."""

    def __init__(self) -> None:
        self._known: dict[object, int] = {}

    def of(self, thing: object) -> int:
        """Its number."""
        return self._known.setdefault(thing, len(self._known))


@dataclass
class Trace:
    """What is needed of an execution to crash any order of it.

    Attributes:
        tasks: their keys.
        elements: of each task, in order.
        merged: all of them, in the order of the execution.
        turns: the steps.
        owners: of each step, the task's number.
        clocks: of each step, for each task the last step of it that happens before or is the step itself.
        data: the data choices made in a step.
    """

    tasks: tuple[str, ...]
    elements: list[list[Element]]
    merged: list[Element]
    turns: list[Turn]
    owners: list[int]
    clocks: list[Clock]
    data: Mapping[int, Sequence[int]]

    @property
    def nothing(self) -> Cut:
        """The cut before everything."""
        return (0,) * len(self.tasks)

    def enabled(self, cut: Cut) -> Iterator[Element]:
        """What may come next."""
        for task, done in enumerate(cut):
            if done < len(self.elements[task]):
                element = self.elements[task][done]
                if all(wanted <= have for wanted, have in zip(element.need, cut)):
                    yield element

    def name(self, cut: Cut) -> tuple[tuple[str, int], ...]:
        """The same for the same cut of whichever execution."""
        return tuple((self.tasks[task], self.elements[task][done - 1].name) for task, done in enumerate(cut) if done)

    def members(self, cut: Cut) -> Iterator[Element]:
        """What is in a cut, in the order of the execution."""
        done = [0] * len(cut)
        for element in self.merged:
            if done[element.task] < cut[element.task]:
                done[element.task] += 1
                yield element

    def after_steps(self, steps: int) -> Cut:
        """The cut after so many steps of the execution."""
        return tuple(sum(1 for e in mine if e.step < steps) for mine in self.elements)


def trace_of(execution: Execution, journal: Journal, data: Mapping[int, Sequence[int]], names: Names) -> Trace:
    """The trace of an execution that left a journal."""
    steps = execution.steps
    numbers = {task: n for n, task in enumerate(execution.tasks)}
    owners = [numbers[step.task] for step in steps]
    clocks = _clocks(steps, owners, len(numbers))
    elements: list[list[Element]] = [[] for _ in numbers]
    merged: list[Element] = []
    by_step: dict[int, list[Entry]] = {}
    for entry, index in zip(journal.entries, journal.steps):
        by_step.setdefault(index, []).append(entry)
    made: dict[int, object] = {}
    done: list[list[int]] = [[] for _ in numbers]  # per task, the step of each of its elements
    keys = tuple(task.key for task in execution.tasks)
    for index in sorted(by_step):
        task = owners[index]
        for entry in by_step[index]:
            need = tuple(
                len(elements[other]) if other == task else _up_to(done[other], clock)
                for other, clock in enumerate(_padded(clocks[index], len(numbers)))
            )
            history = tuple(elements[other][count - 1].name for other, count in enumerate(need) if count)
            name = names.of((keys[task], _told(entry, made), history))
            if isinstance(entry, Create):
                made[entry.inode] = ("made", name)
            element = Element(entry, index, task, need, name)
            elements[task].append(element)
            merged.append(element)
            done[task].append(index)
    return Trace(keys, elements, merged, [(s.task.key, s.outcome) for s in steps], owners, clocks, data)


def _up_to(steps: list[int], last: int) -> int:
    count = len(steps)
    while count and steps[count - 1] > last:
        count -= 1
    return count


def _padded(clock: Clock, length: int) -> Clock:
    return clock + [-1] * (length - len(clock))


def _told(entry: Entry, made: Mapping[int, object]) -> object:
    """An entry without the numbers that inodes happened to get."""
    fields = entry._asdict()
    for field in ("inode", "directory", "to_directory", "replaced"):
        if field in fields:
            new = isinstance(entry, Create) and field == "inode"
            fields[field] = "new" if new else made.get(fields[field], fields[field])
    return (type(entry).__name__, *fields.values())


def _clocks(steps: Sequence[Operation], owners: Sequence[int], count: int) -> list[Clock]:
    """What happens before each step."""
    now: list[Clock] = [[-1] * count for _ in range(count)]
    seen: dict[str, dict[str, Clock]] = {}
    everything: Clock = [-1] * count
    clocks: list[Clock] = []
    for index, step in enumerate(steps):
        clock = now[owners[index]]
        if step.kind == "begin" and step.task.born >= 0:
            join(clock, clocks[step.task.born])
        if step.forced:  # it could come only because nothing else could
            join(clock, everything)
        for resource, mode in step.accesses:
            for other, known in seen.get(resource, {}).items():
                if mode == WRITE or other == WRITE or mode != other:
                    join(clock, known)
        clock[owners[index]] = index
        clocks.append(list(clock))
        join(everything, clock)
        for resource, mode in step.accesses:
            join(seen.setdefault(resource, {}).setdefault(mode, [-1] * count), clock)
    return clocks


def every_cut(trace: Trace) -> Iterator[Cut]:
    """All cuts between which something that a process sees changes. A sync changes nothing that it sees."""
    yield from _walk(trace, (Sync, SyncAll), eager=True)


def crash_points(trace: Trace) -> Iterator[Cut]:
    """The cuts at which the machine need stop so that no state is missed: only a sync or a mark extends them.

    Between two syncs the updates that may be lost only grow; see `disk.crash.crash_points`, of one order.
    """
    yield from _walk(trace, BARRIERS, eager=False)


def _walk(trace: Trace, kinds: tuple[type, ...], eager: bool) -> Iterator[Cut]:
    """Cuts reached by one element after another; those that are ``kinds`` (``eager``), or are not, come for nothing."""

    def closed(cut: Cut) -> Cut:
        while True:
            free = [e for e in trace.enabled(cut) if isinstance(e.entry, kinds) == eager]
            if not free:
                return cut
            cut = _extended(cut, free[0])

    first = closed(trace.nothing)
    found = {first: None}
    todo = [first]
    while todo:
        cut = todo.pop()
        yield cut
        for element in trace.enabled(cut):
            larger = closed(_extended(cut, element))
            if larger not in found:
                found[larger] = None
                todo.append(larger)


def _extended(cut: Cut, element: Element) -> Cut:
    return (*cut[: element.task], cut[element.task] + 1, *cut[element.task + 1 :])


def order_of(trace: Trace, cut: Cut) -> tuple[list[int], list[tuple[str, int]]]:
    """An order of the trace that comes to a cut first, running on without preemption where it can.

    Returns:
        The steps, and for tasks whose last step was not finished, how many of its changes are missing.
    """
    last = [-1] * len(trace.tasks)
    missing = []
    for task, done in enumerate(cut):
        if done:
            element = trace.elements[task][done - 1]
            join(last, trace.clocks[element.step])
    for task, done in enumerate(cut):
        left = sum(1 for e in trace.elements[task][done:] if e.step <= last[task])
        if left:
            missing.append((trace.tasks[task], left))
    wanted = [
        [i for i, owner in enumerate(trace.owners) if owner == task and i <= last[task]] for task in range(len(last))
    ]
    done_steps = [-1] * len(last)
    order: list[int] = []
    current = 0
    while any(wanted):
        ready = [t for t, mine in enumerate(wanted) if mine and _ready(trace, mine[0], t, done_steps)]
        current = current if current in ready else ready[0]
        step = wanted[current].pop(0)
        done_steps[current] = step
        order.append(step)
    return order, missing


def _ready(trace: Trace, step: int, task: int, done: list[int]) -> bool:
    clock = _padded(trace.clocks[step], len(done))
    return all(clock[other] <= done[other] for other in range(len(done)) if other != task)
