"""Tie a stdlib object to the model that stands for it during one execution."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Accesses, Operation
from .patching import Patches

SLOT = "_loadloom"
NAME = "_loadloom_name"
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
            execution.initial[name] = initial()  # from it the search works out what could have come first


class Kind:
    """How the objects of one class are modelled.

    Args:
        name: what they are called in traces.
        model_of: a model in the state that the object really has.
    """

    __slots__ = ("model_of", "name")

    def __init__(self, name: str, model_of: Callable[[Any], Any]) -> None:
        self.name = name
        self.model_of = model_of

    def bind(self, execution: Execution, obj: Any) -> Binding:
        """Bind an object that the current task has just made."""
        assert execution.current is not None
        with quiet(execution):
            binding = Binding(execution, self.model_of(obj), execution.current.object_name(self.name))
        obj.__dict__[SLOT] = binding
        return binding

    def of(self, execution: Execution, obj: Any) -> Binding:
        """The binding of an object in this execution.

        One made before the execution, or in another, is adopted with the state that it really has: every execution
        starts from it again.
        """
        binding = obj.__dict__.get(SLOT)
        if binding is not None and binding.execution is execution:
            return binding  # type: ignore[no-any-return]
        with quiet(execution):
            binding = Binding(execution, self.model_of(obj), self.name_of(obj))
        obj.__dict__[SLOT] = binding
        return binding

    def name_of(self, obj: Any) -> str:
        """The name of an object made outside: where a module keeps it, or a number where we did not find that."""
        name = obj.__dict__.get(NAME)
        if name is None:
            name = obj.__dict__[NAME] = f"{self.name} outside-{next(_strays)}"
        return name  # type: ignore[no-any-return]

    def made_by(self, patches: Patches, owner: type) -> None:
        """Bind each instance of ``owner`` that a task makes."""
        original: Any = owner.__dict__["__init__"]

        def init(execution: Execution, obj: Any, *args: Any, **kw: Any) -> None:
            with quiet(execution):
                original(obj, *args, **kw)
            self.bind(execution, obj)

        steer(patches, owner, "__init__", init)
        patches.name_objects(owner, self.name)


def steer(patches: Patches, owner: type, name: str, act: Callable[..., Any]) -> None:
    """While a task runs ``owner.name(...)`` is ``act(execution, obj, ...)``; outside of any task it is what it was."""

    def make(original: Any) -> Any:
        def facade(self: Any, *args: Any, **kw: Any) -> Any:
            execution = control.current()
            if execution is not None:
                return act(execution, self, *args, **kw)
            if control.exploring() is not None:
                intruded(self)
            return original(self, *args, **kw)

        return facade

    patches.method(owner, name, make)


def intruded(obj: Any) -> None:
    """A facade was called outside of any task: note it if that was a thread of somebody else's, on a task's object."""
    execution = control.outside()
    binding = obj.__dict__.get(SLOT)
    if execution is None or not isinstance(binding, Binding) or binding.execution is not execution:
        return
    who = threading.current_thread().name
    execution.uncontrolled.append(f"{binding.name} was used by a thread that the program did not start ({who})")


def deadline_of(execution: Execution, timeout: float | None) -> float | None:
    """The virtual time at which a wait of ``timeout`` seconds expires; None for one without end."""
    return None if timeout is None else execution.clock + timeout


def wait(
    execution: Execution,
    kind: str,
    binding: Binding,
    enabled: Callable[[], bool],
    timeout: float | None,
    awaits: Callable[[], Any] | None = None,
    lock: bool = False,
    accesses: Accesses | None = None,
    spoils: bool = False,
) -> bool:
    """Announce a blocking operation. True: it may be applied; False: its time-out expired.

    One that may not wait at all (``timeout`` 0 or less) is a try: it never blocks. Where nothing comes of it, it only
    looked, unless ``spoils``: then giving up is a change too.
    """
    wanted = binding.write if accesses is None else accesses
    if timeout is not None and timeout <= 0:
        operation = Operation(f"try-{kind}", wanted, lock=lock)
        execution.perform(operation)
        done = enabled()
    else:
        operation = Operation(kind, wanted, enabled, deadline_of(execution, timeout), awaits, lock=lock)
        done = execution.perform(operation)
    if not done and not spoils:
        operation.accesses = tuple((name, READ) for name, _ in wanted) + operation.accesses[len(wanted) :]
    return done
