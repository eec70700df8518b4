"""Could a blocking operation have happened earlier? Answered from the operations on what it waits for.

A race can only be reversed if the later operation is enabled without the earlier one. For the primitives whose state
follows from the operations on them the answer is exact; for the others it is None, and the search tries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..trace import GO, READ, Operation

Initial = Mapping[str, Any]
"""What a resource started with: see `probes.binding`."""


def enabled_after(operation: Operation, before: Iterable[Operation], initial: Initial) -> bool | None:
    """Whether ``operation`` is enabled after just these operations on its resources; None: not known."""
    if operation.woken is not None:
        return any(
            name in operation.woken and mode != READ and step.task is not operation.task
            for step in before
            for name, mode in step.accesses
        )
    resource = operation.resource
    kind = resource.partition(" ")[0]
    gate = _GATES.get(kind)
    if gate is None:
        return None
    relevant = [s for s in before if s.outcome is GO and any(name == resource for name, _ in s.accesses)]
    return gate(operation, relevant, initial.get(resource))


def _lock(operation: Operation, before: list[Operation], _: Any) -> bool:
    held = False
    for step in before:
        if step.kind in ("acquire", "wake up"):
            held = True
        elif step.kind == "try-acquire":
            held = held or step.accesses[0][1] != READ
        elif step.kind in ("release", "wait"):
            held = False
    return not held


def _semaphore(operation: Operation, before: list[Operation], start: Any) -> bool | None:
    if start is None:
        return None
    value: int = start
    for step in before:
        if step.kind == "acquire" or (step.kind == "try-acquire" and step.accesses[0][1] != READ):
            value -= 1
        elif step.kind == "release":
            value += int(step.detail) if step.detail else 1
    return value > 0


def _event(operation: Operation, before: list[Operation], start: Any) -> bool:
    flag = bool(start)
    for step in before:
        if step.kind in ("set", "clear"):
            flag = step.kind == "set"
    return flag


def _queue(operation: Operation, before: list[Operation], start: Any) -> bool | None:
    if start is None or operation.kind not in ("put", "get"):
        return None
    size, limit = start
    for step in before:
        done = step.accesses[0][1] != READ
        if step.kind == "shut down":
            return True
        if step.kind in ("put", "try-put") and done:
            size += 1
        elif step.kind in ("get", "try-get") and done:
            size -= 1
    return bool(size > 0) if operation.kind == "get" else limit <= 0 or size < limit


def _future(operation: Operation, before: list[Operation], _: Any) -> bool:
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
    """The lock of a wait must be free again, and a notify must have come after it."""
    lock = operation.accesses[-1][0]
    notified = False
    for step in before:
        if step.kind == "wait" and step.task is operation.task:
            notified = False
        elif step.kind == "notify":
            notified = True
    return None if notified and lock else False


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
