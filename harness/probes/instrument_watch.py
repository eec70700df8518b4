"""Attributes of the instances of a class that was named: steps for code that is not instrumented, too.

Instrumented code announces its own accesses. Others, such as the program that was written for the test, meet hooks on
the class.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from ..runtime import control
from ..runtime.execution import Execution
from ..trace import READ, WRITE
from . import instrument_access as access
from .instrument_hooks import perform, show
from .instrument_names import names_of
from .patching import Patches

_CONSTANT = (BaseException, enum.Enum, tuple, str, int, float, bytes, type)
_INSIDE = frozenset({"harness", "threading", "queue", "concurrent", "weakref"})
"""Whose accesses belong to operations that are announced as such."""


def _unannounced() -> Execution | None:
    """The execution, if the code that asked for an attribute is a task's and does not announce it by itself."""
    execution = control.current()
    if execution is None or execution.dead:
        return None
    frame = sys._getframe(2)
    if frame.f_code in access.instrumented or str(frame.f_globals.get("__name__")).partition(".")[0] in _INSIDE:
        return None
    return execution


def _announce(execution: Execution, obj: Any, name: str, mode: str, value: Any = None) -> None:
    names = names_of(execution)
    accesses = access.attribute(names, obj, name, mode)
    if accesses:
        if mode == WRITE:
            names.adopt(value)
        perform(execution, mode, accesses, lambda: name if mode == READ else f"{name} = {show(execution, value)}")


def _reading(original: Callable[..., Any]) -> Callable[..., Any]:
    def __getattribute__(self: Any, name: str) -> Any:
        if control._active is not None and not name.startswith("__"):
            execution = _unannounced()
            if execution is not None:
                _announce(execution, self, name, READ)
        return original(self, name)

    return __getattribute__


def _writing(original: Callable[..., Any]) -> Callable[..., Any]:
    def __setattr__(self: Any, name: str, value: Any) -> None:
        if control._active is not None:
            execution = _unannounced()
            if execution is not None:
                _announce(execution, self, name, WRITE, value)
        original(self, name, value)

    return __setattr__


def _deleting(original: Callable[..., Any]) -> Callable[..., Any]:
    def __delattr__(self: Any, name: str) -> None:
        if control._active is not None:
            execution = _unannounced()
            if execution is not None:
                _announce(execution, self, name, WRITE)
        original(self, name)

    return __delattr__


def _making(original: FunctionType) -> Callable[..., None]:
    """A constructor that is not instrumented: what it makes is known from the beginning."""

    def __init__(self: Any, *args: Any, **kw: Any) -> None:
        execution = control.current()
        if execution is not None and original.__code__ not in access.instrumented:
            names_of(execution).born(self)
        original(self, *args, **kw)

    return __init__


_HOOKS = {"__getattribute__": _reading, "__setattr__": _writing, "__delattr__": _deleting}


def classes(targets: list[Any]) -> list[type]:
    """Those that are named, and those of named modules. Of a package only its own: it may have very many."""
    found: dict[type, None] = {}
    for target in targets:
        if isinstance(target, type):
            found[target] = None
        elif isinstance(target, ModuleType):
            for held in vars(target).values():
                if isinstance(held, type) and held.__module__ == target.__name__ and not issubclass(held, _CONSTANT):
                    found[held] = None
    return list(found)


def watch(patches: Patches, owner: type) -> None:
    """Make attributes of the instances of a class steps, for as long as the patches are in place."""
    for name, hook in _HOOKS.items():
        patches.set(owner, name, hook(getattr(owner, name)))
    made = owner.__dict__.get("__init__")
    if isinstance(made, FunctionType):
        patches.set(owner, "__init__", _making(made))
