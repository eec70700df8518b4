"""Attributes of named classes as shared memory: each read and write of them is a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..trace import READ, WRITE, Operation
from .patching import Patches

_MISSING = object()


def _show(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 and " at 0x" not in text else type(value).__name__


class SharedAttribute:
    """A data descriptor that announces each access and keeps the value where it always was."""

    def __init__(self, name: str, label: Callable[[Any], str], original: Any) -> None:
        self.name = name
        self.label = label
        self.original = original  # the slot or descriptor below, the class default, or _MISSING

    def __get__(self, obj: Any, owner: Any = None) -> Any:
        if obj is None:
            if self.original is _MISSING:
                raise AttributeError(self.name)
            return self.original
        execution = control.current()
        if execution is None:
            return self._read(obj)
        operation = Operation("read", ((f"attr {self.label(obj)}.{self.name}", READ),))
        execution.perform(operation)
        value = self._read(obj)
        if execution.detailed:
            operation.detail = f"{self.name} is {_show(value)}"
        return value

    def _read(self, obj: Any) -> Any:
        if hasattr(self.original, "__get__") and hasattr(self.original, "__set__"):
            return self.original.__get__(obj, type(obj))
        value = obj.__dict__.get(self.name, self.original)
        if value is _MISSING:
            raise AttributeError(f"{type(obj).__name__!r} object has no attribute {self.name!r}")
        return value

    def __set__(self, obj: Any, value: Any) -> None:
        execution = control.current()
        if execution is not None:
            operation = Operation("write", ((f"attr {self.label(obj)}.{self.name}", WRITE),))
            if execution.detailed:
                operation.detail = f"{self.name} = {_show(value)}"
            execution.perform(operation)
        if hasattr(self.original, "__set__"):
            self.original.__set__(obj, value)
        else:
            obj.__dict__[self.name] = value

    def __delete__(self, obj: Any) -> None:
        execution = control.current()
        if execution is not None:
            execution.perform(Operation("delete", ((f"attr {self.label(obj)}.{self.name}", WRITE),)))
        if hasattr(self.original, "__delete__"):
            self.original.__delete__(obj)
        else:
            del obj.__dict__[self.name]


def install(patches: Patches, owner: type, names: tuple[str, ...], label: Callable[[Any], str]) -> None:
    """Make attributes of a class shared memory.

    Args:
        patches: where the change is kept, so that it can be undone.
        owner: the class; its subclasses follow.
        names: the attributes.
        label: a name for an object that is the same from run to run (a job's id).
    """
    for name in names:
        patches.attribute(owner, name, SharedAttribute(name, label, owner.__dict__.get(name, _MISSING)))
