"""How would an operation have come out earlier? Answered from the operations on what it waits for.

A race can only be reversed if the later operation is enabled without the earlier one. For most primitives the answer
follows from the operations on them; where it does not it is None, and the search tries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..runtime.polling import news
from ..trace import GO, READ, Operation

Initial = Mapping[str, Any]
"""What a resource started with: see `probes.binding`."""
StepsOn = Callable[[Iterable[str]], list[Operation]]
"""The steps, in order, that touch any of these resources and come before the place in question."""


def enabled_after(operation: Operation, before: StepsOn, initial: Initial) -> bool | None:
    """Whether ``operation`` is enabled, or would succeed, after just the steps ``before``; None: not known."""
    if operation.woken is not None:
        return news(operation.woken, operation.task, before(operation.woken))
    if operation.poll:
        return True
    resource = operation.asked[0][0]
    gate = _GATES.get(resource.partition(" ")[0])
    if gate is None:
        return None
    steps = [step for step in before([name for name, _ in operation.asked]) if step.outcome is GO]
    return gate(operation, steps, initial.get(resource))


def _changes(step: Operation) -> bool:
    """Whether a try has succeeded: one that failed only looked."""
    return step.accesses[0][1] != READ


def _held(held: bool, step: Operation) -> bool:
    """Whether a lock is held after a step on it, if it was before."""
    if step.kind in ("acquire", "wake up"):
        return True
    if step.kind == "try-acquire":
        return held or _changes(step)
    return held and step.kind not in ("release", "wait")


def _lock(operation: Operation, before: list[Operation], _: Any) -> bool:
    held = False
    for step in before:
        held = _held(held, step)
    return not held


def _semaphore(operation: Operation, before: list[Operation], start: Any) -> bool | None:
    if start is None:
        return None
    value: int = start
    for step in before:
        if step.kind == "acquire" or (step.kind == "try-acquire" and _changes(step)):
            value -= 1
        elif step.kind == "release":
            value += step.amount
    return value > 0


def _event(operation: Operation, before: list[Operation], start: Any) -> bool:
    flag = bool(start)
    for step in before:
        if step.kind in ("set", "clear"):
            flag = step.kind == "set"
    return flag


def _queue(operation: Operation, before: list[Operation], start: Any) -> bool | None:
    if start is None:
        return None
    size, limit, unfinished = start
    for step in before:
        done = _changes(step)
        if step.kind in ("shut down", "acquire", "try-acquire", "wait"):
            return None  # it takes more than counting
        if step.kind in ("put", "try-put") and done:
            size += 1
            unfinished += 1
        elif step.kind in ("get", "try-get") and done:
            size -= 1
        elif step.kind == "task done":
            unfinished -= 1
    if operation.kind in ("get", "try-get"):
        return bool(size > 0)
    if operation.kind in ("put", "try-put"):
        return bool(limit <= 0 or size < limit)
    return bool(unfinished == 0) if operation.kind == "join" else None


def _future(operation: Operation, before: list[Operation], _: Any) -> bool | None:
    if sum(name.startswith("future ") for name, _ in operation.asked) > 1:
        return None  # it waits for several
    return any(step.kind in ("set result", "set exception", "cancel") for step in before)


def _task(operation: Operation, before: list[Operation], _: Any) -> bool:
    return any(step.kind == "end" for step in before)


def _pool(operation: Operation, before: list[Operation], start: Any) -> bool | None:
    if start is None:
        return None
    submitted = taken = 0
    for step in before:
        if step.kind == "shut down":
            return True
        submitted += step.kind == "submit"
        taken += step.kind == "take work"
    return bool(submitted - start - taken > 0)


def _condition(operation: Operation, before: list[Operation], _: Any) -> bool | None:
    """Its task has been notified, the longest waiting first, and the lock is free."""
    condition, lock = (name for name, _ in operation.asked[:2])
    if not lock.startswith(("lock ", "rlock ")):
        return None  # inside a queue, which notifies without a step
    waiters: list[Any] = []
    notified: list[Any] = []
    held = False
    for step in before:
        on = [name for name, _ in step.accesses]
        if condition in on:
            if step.kind == "wait":
                waiters.append(step.task)
            elif step.kind == "notify":
                notified += waiters[: step.amount]
                del waiters[: step.amount]
            elif step.task in notified:  # woken
                notified.remove(step.task)
            elif step.task in waiters:  # gave up, and has the lock again
                waiters.remove(step.task)
        if lock in on:
            held = _held(held, step)
    return operation.task in notified and not held


_GATES = {
    "lock": _lock,
    "rlock": _lock,
    "semaphore": _semaphore,
    "event": _event,
    "queue": _queue,
    "future": _future,
    "task": _task,
    "pool": _pool,
    "condition": _condition,
}
