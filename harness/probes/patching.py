"""Put facades in the place of stdlib functions, wherever a name of them was bound, and take them out again.

Classes written in Python are patched in place, so that subclasses and names bound at import follow. Functions and
C types cannot be: every module global, class attribute and default argument that holds one is replaced instead.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

_OURS = ("harness.", "harness", "greenlet")


class Patches:
    """A set of replacements. `apply` and `undo` may be called in turn, any number of times."""

    def __init__(self) -> None:
        self._methods: list[tuple[type, str, Any]] = []
        self._values: dict[int, tuple[Any, Any]] = {}
        self._undo: list[Callable[[], None]] = []
        self.skip: set[str] = set()  # modules whose globals stay as they are

    def method(self, owner: type, name: str, make: Callable[[Any], Any]) -> None:
        """Replace ``owner.name`` by ``make(original)``; the original's signature and docstring are kept."""
        original = owner.__dict__[name]
        new = make(original)
        if isinstance(new, FunctionType) and isinstance(original, FunctionType):
            functools.update_wrapper(new, original)
        self._methods.append((owner, name, new))

    def value(self, original: Any, new: Any) -> None:
        """Replace ``original`` by ``new`` wherever a module, a class or a default argument names it."""
        self._values[id(original)] = (original, new)

    def attribute(self, owner: type, name: str, new: Any) -> None:
        """Set ``owner.name``, which need not exist."""
        self._methods.append((owner, name, new))

    def apply(self) -> None:
        """Put everything in place."""
        for owner, name, new in self._methods:
            if name in owner.__dict__:
                self._undo.append(functools.partial(setattr, owner, name, owner.__dict__[name]))
            else:
                self._undo.append(functools.partial(delattr, owner, name))
            setattr(owner, name, new)
        for module in list(sys.modules.values()):
            name = getattr(module, "__name__", None)
            if not isinstance(module, ModuleType) or not isinstance(name, str):
                continue
            if name in self.skip or name in _OURS or name.startswith("harness."):
                continue
            self._swap_in_module(module)

    def undo(self) -> None:
        """Put everything back, last first."""
        while self._undo:
            self._undo.pop()()

    def _swap_in_module(self, module: ModuleType) -> None:
        values = self._values
        space = vars(module)
        for key, held in list(space.items()):
            found = values.get(id(held))
            if found is not None and found[0] is held:
                space[key] = found[1]
                self._undo.append(functools.partial(space.__setitem__, key, held))
            elif isinstance(held, FunctionType):
                self._swap_defaults(held)
            elif isinstance(held, type) and held.__module__ == module.__name__:
                self._swap_in_class(held)

    def _swap_in_class(self, owner: type) -> None:
        for key, held in list(_class_items(owner)):
            inner = held.__func__ if isinstance(held, (staticmethod, classmethod)) else held
            found = self._values.get(id(inner))
            if found is not None and found[0] is inner:
                new = found[1]
                wrapped = type(held)(new) if inner is not held else staticmethod(new) if _plain(new) else new
                setattr(owner, key, wrapped)
                self._undo.append(functools.partial(setattr, owner, key, held))
            elif isinstance(inner, FunctionType):
                self._swap_defaults(inner)

    def _swap_defaults(self, function: FunctionType) -> None:
        defaults = function.__defaults__
        if defaults and any(id(d) in self._values for d in defaults):
            function.__defaults__ = tuple(self._new(d) for d in defaults)
            self._undo.append(functools.partial(setattr, function, "__defaults__", defaults))
        keywords = function.__kwdefaults__
        if keywords and any(id(d) in self._values for d in keywords.values()):
            function.__kwdefaults__ = {key: self._new(d) for key, d in keywords.items()}
            self._undo.append(functools.partial(setattr, function, "__kwdefaults__", keywords))

    def _new(self, value: Any) -> Any:
        found = self._values.get(id(value))
        return found[1] if found is not None and found[0] is value else value


def _plain(value: Any) -> bool:
    """A Python function in a class body would become a method, which the builtin that it replaces did not."""
    return isinstance(value, FunctionType)


def _class_items(owner: type) -> Iterator[tuple[str, Any]]:
    return iter(list(vars(owner).items()))
