"""Timed waits and polls: when they may expire, and when a poll that found nothing new has to wait.

A *window* is what a task did between two expiries of its timed waits. A poll is *stale* when its window read the same
resources as the one before, nobody else has written any of them since, and the task itself changed nothing (locks
apart): offering it again would explore the same thing for ever. It is enabled again by a write of what it read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..trace import FORCED, GO, READ, Accesses, Operation
from .task import Option, Task

if TYPE_CHECKING:
    from .execution import Execution

BUDGET = "budget timeouts"
"""The resource of how many early time-outs are left."""
LIVELOCK_REPEATS = 64
"""How often a stale poll may expire with nothing else to run before we call it a livelock: its counter may be in a
local variable, which we do not see."""


Reads = dict[str, Operation]
"""Resources, each with the step that read it first."""


class Staleness:
    """What a stale poll waits for: a write, by another task, of something that it has read."""

    __slots__ = ("reads", "scanned")

    def __init__(self, reads: Reads, scanned: int) -> None:
        self.reads = reads
        self.scanned = scanned  # steps known to have written nothing of it


def announce(execution: Execution, task: Task, operation: Operation) -> None:
    """Work out whether a timed wait that is about to park repeats what its task saw before.

    Only the order of dependent steps may decide this: what counts are writes after the reads of the window before.
    """
    if task.last_expiry < 0 or task.window_clock:
        return
    steps = execution.steps
    seen = _reads(steps, task, task.window_start, len(steps))
    before = _reads(steps, task, task.last_expiry, task.window_start)
    if seen is None or before is None:
        return
    waited = {name for name, _ in operation.accesses}
    if seen.keys() - waited != before.keys() - waited or not waited <= before.keys() | seen.keys():
        return
    reads = {**seen, **before}
    if not news(reads, task, steps[min(read.index for read in reads.values()) :] if reads else []):
        operation.stale = Staleness(reads, len(steps))


def _reads(steps: list[Operation], task: Task, start: int, end: int) -> Reads | None:
    """What the task read in these steps; None if it changed anything but locks."""
    seen: Reads = {}
    for step in steps[start:end]:
        if step.task is not task:
            continue
        for name, mode in step.accesses:
            if mode != READ and not step.lock and step.outcome is GO and not step.poll:
                return None
            if name != BUDGET:
                seen.setdefault(name, step)
    return seen


def news(reads: Reads, task: Task, steps: Iterable[Operation]) -> bool:
    """Whether in ``steps`` another task writes something after ``task`` has read it there."""
    known: set[str] = set()
    for step in steps:
        if step.task is task:
            known.update(name for name, read in reads.items() if read is step)
        elif step.outcome is GO and any(name in known and mode != READ for name, mode in step.accesses):
            return True
    return False


def stale(execution: Execution, operation: Operation) -> bool:
    """Whether this timed wait would find nothing new."""
    staleness: Staleness | None = operation.stale
    if staleness is None:
        return False
    for step in execution.steps[staleness.scanned :]:
        if step.task is not operation.task and step.outcome is GO:
            for name, mode in step.accesses:
                if mode != READ and name in staleness.reads:
                    operation.stale = None
                    if operation.poll:
                        operation.woken = staleness.reads
                    return False
    staleness.scanned = len(execution.steps)
    return True


def in_vain(operation: Operation) -> Accesses:
    """What a wait touches that expires: it looks, and finds nothing, nor any news of what it had read."""
    names = [name for name, _ in operation.asked]
    if operation.poll:
        names += sorted(operation.woken or () if operation.stale is None else operation.stale.reads)
    return tuple((name, READ) for name in names)


def at_news(operation: Operation) -> Accesses:
    """What a poll touches that goes on because something that it had read was written: the write came first."""
    return (*operation.asked, *((name, READ) for name in sorted(operation.woken or ())))


def expired(execution: Execution, task: Task, operation: Operation) -> None:
    """A timed wait (or a sleep) of ``task`` ends at the step that is being taken: a new window begins."""
    if operation.stale is not None:
        task.counts["stale"] = task.counts.get("stale", 0) + 1
    else:
        task.counts["stale"] = 0
    if operation.woken is not None:
        operation.accesses = at_news(operation)
    task.last_expiry = task.window_start
    task.window_start = len(execution.steps) + 1
    task.window_clock = False


def forced(execution: Execution, timed: list[Operation]) -> list[Option]:
    """Nothing can go on by itself: the timed waits that expire next, the earliest deadlines first.

    Stale polls are let through only when nothing else is left, and only so often.
    """
    fresh = [operation for operation in timed if not stale(execution, operation)]
    if not fresh:
        fresh = [o for o in timed if o.task.counts.get("stale", 0) < LIVELOCK_REPEATS]
    if not fresh:
        return []
    first = min(o.deadline for o in fresh if o.deadline is not None)
    options = [o for o in fresh if o.deadline == first]
    for operation in options:
        operation.forced = True
    return [Option(o.task, o, GO if o.poll else FORCED) for o in options]

