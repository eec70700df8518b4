"""Timed waits and polls: when they may expire, and when a poll that found nothing new has to wait.

A *window* is what a task did between two expiries of its timed waits. A poll is *stale* when its window read the same
resources as the one before, nobody else has written any of them since, and the task itself changed nothing (locks
apart): offering it again would explore the same thing for ever. It is enabled again by a write of what it read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..trace import FORCED, GO, READ, Operation
from .task import Task

if TYPE_CHECKING:
    from .execution import Execution, Option

BUDGET = "budget timeouts"
"""The resource of how many early time-outs are left."""
LIVELOCK_REPEATS = 64
"""How often a stale poll may expire with nothing else to run before we call it a livelock: its counter may be in a
local variable, which we do not see."""


class Staleness:
    """What a stale poll waits for: a write, by another task, of one of ``resources`` from step ``scanned`` on."""

    __slots__ = ("resources", "scanned")

    def __init__(self, resources: frozenset[str], scanned: int) -> None:
        self.resources = resources
        self.scanned = scanned


def announce(execution: Execution, task: Task, operation: Operation) -> None:
    """Work out whether a timed wait that is about to park repeats what its task saw before."""
    if task.last_expiry < 0 or task.window_clock:
        return
    steps = execution.steps
    seen = _reads(steps, task, task.window_start, len(steps))
    before = _reads(steps, task, task.last_expiry, task.window_start)
    if seen is None or before is None:
        return
    waited = frozenset(name for name, _ in operation.accesses)
    if seen - waited != before - waited:
        return
    resources = seen | waited
    if not _written_by_others(steps, task, task.last_expiry, resources):
        operation.stale = Staleness(resources, len(steps))


def _reads(steps: list[Operation], task: Task, start: int, end: int) -> frozenset[str] | None:
    """What the task read in these steps; None if it changed anything but locks."""
    seen: set[str] = set()
    for step in steps[start:end]:
        if step.task is not task:
            continue
        for name, mode in step.accesses:
            if mode != READ and not step.lock and step.outcome is GO and not step.poll:
                return None
            if name != BUDGET:
                seen.add(name)
    return frozenset(seen)


def _written_by_others(steps: list[Operation], task: Task, start: int, resources: frozenset[str]) -> bool:
    return any(
        name in resources and mode != READ
        for step in steps[start:]
        if step.task is not task and step.outcome is GO
        for name, mode in step.accesses
    )


def stale(execution: Execution, operation: Operation) -> bool:
    """Whether this timed wait would find nothing new."""
    staleness = operation.stale
    if staleness is None:
        return False
    if _written_by_others(execution.steps, operation.task, staleness.scanned, staleness.resources):
        operation.stale = None
        operation.woken = staleness.resources
        return False
    staleness.scanned = len(execution.steps)
    return True


def expired(execution: Execution, task: Task, operation: Operation) -> None:
    """A timed wait (or a sleep) of ``task`` ends at the step that is being taken: a new window begins."""
    if operation.stale is not None:
        task.counts["stale"] = task.counts.get("stale", 0) + 1
    else:
        task.counts["stale"] = 0
    if operation.woken is not None:  # the write that woke it came first
        known = {name for name, _ in operation.accesses}
        operation.accesses += tuple((name, READ) for name in sorted(operation.woken - known))
    if operation.deadline is not None and operation.poll:
        execution.clock = max(execution.clock, operation.deadline)
    task.last_expiry = task.window_start
    task.window_start = len(execution.steps) + 1
    task.window_clock = False


def forced(execution: Execution, timed: list[Operation]) -> list[Option]:
    """Nothing can go on by itself: the timed waits that expire next, the earliest deadlines first.

    Stale polls are let through only when nothing else is left, and only so often.
    """
    from .execution import Option

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

