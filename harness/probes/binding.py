"""Tie a stdlib object to the model that stands for it during one execution."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ..runtime.execution import Execution
from ..trace import READ, WRITE, Accesses, Operation

_SLOT = "_loadloom"
_strays = itertools.count(1)


class Binding:
    """The model of an object in one execution, its stable name and the accesses that its operations make."""

    __slots__ = ("execution", "model", "name", "read", "write")

    def __init__(self, execution: Execution, model: Any, name: str) -> None:
        self.execution = execution
        self.model = model
        self.name = name
        self.read: Accesses = ((name, READ),)
        self.write: Accesses = ((name, WRITE),)
        initial = getattr(model, "initial", None)
        if initial is not None:
            execution.initial[name] = initial()


def bind(execution: Execution, obj: Any, kind: str, model: Any) -> Binding:
    """Bind an object that the current task has just made."""
    assert execution.current is not None
    binding = Binding(execution, model, execution.current.object_name(kind))
    obj.__dict__[_SLOT] = binding
    return binding


def bound(execution: Execution, obj: Any, kind: str, make: Callable[[Any], Any]) -> Binding:
    """The binding of an object in this execution.

    One made before the execution, or in another, is adopted with the state that it really has: every execution
    starts from it again.
    """
    binding = obj.__dict__.get(_SLOT)
    if binding is not None and binding.execution is execution:
        return binding  # type: ignore[no-any-return]
    name = obj.__dict__.get(_SLOT + "_name")
    if name is None:
        name = obj.__dict__[_SLOT + "_name"] = f"{kind} outside-{next(_strays)}"
    execution.quiet += 1
    try:
        binding = Binding(execution, make(obj), name)
    finally:
        execution.quiet -= 1
    obj.__dict__[_SLOT] = binding
    return binding


def deadline_of(execution: Execution, timeout: float | None) -> float | None:
    """The virtual time at which a wait of ``timeout`` seconds expires; None for one without end."""
    return None if timeout is None or timeout < 0 else execution.clock + timeout


def wait(
    execution: Execution,
    kind: str,
    binding: Binding,
    enabled: Callable[[], bool],
    timeout: float | None,
    awaits: Callable[[], Any] | None = None,
    lock: bool = False,
    accesses: Accesses | None = None,
) -> bool:
    """Announce a blocking operation. True: it may be applied; False: its time-out expired."""
    operation = Operation(
        kind,
        binding.write if accesses is None else accesses,
        enabled,
        deadline_of(execution, timeout),
        awaits,
        lock=lock,
    )
    done = execution.perform(operation)
    if not done:
        operation.accesses = tuple((name, READ) for name, _ in operation.accesses[:1]) + operation.accesses[1:]
    return done
