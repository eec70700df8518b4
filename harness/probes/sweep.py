"""Find, in the user's modules, what was bound or made before we came: names of C functions in closures and
containers, and locks, queues and locals that already exist.

From the globals of each module we follow functions (defaults, closures), classes, containers, and instances of the
user's classes. The path on which an object is found is its name, so it is the same in every process.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import CellType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .patching import Patches

MOST_OBJECTS = 50_000
"""Objects looked at in one sweep: a program with a big heap of its own is not searched to its end."""

TOOLS = frozenset(
    """
    _pytest pytest pluggy iniconfig xdist execnet pytest_cov pytest_repeat coverage hypothesis greenlet gevent
    harness pip setuptools pkg_resources _distutils_hack wheel mypy ruff rich typer click pygments pydevd debugpy
    IPython sortedcontainers
    """.split()  # noqa: SIM905 - a list of names
)
"""Packages that run the exploration or its tests: their locks are none of the program's business."""


def is_users(module: object) -> bool:
    """Whether a module is the user's, or a library's that he uses: neither the stdlib nor a tool that runs us."""
    if not isinstance(module, str):  # types made by other compilers may keep something else there
        return False
    top = module.partition(".")[0]
    return top == "__main__" or (top not in sys.stdlib_module_names and top not in TOOLS)


class Sweep:
    """One walk over everything that the user's modules hold."""

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._seen: set[int] = set()
        self._kept: list[Any] = []  # temporary objects that we saw: their ids must not be used again
        self._module = ""

    def module(self, module: ModuleType) -> None:
        """Everything below the globals of a module."""
        self._module = module.__name__
        self._items(vars(module), module.__name__)

    def look_into(self, held: Any, path: str) -> None:
        """Everything below one object."""
        if id(held) in self._seen or len(self._seen) > MOST_OBJECTS:
            return
        kind = type(held)
        if kind is FunctionType:
            self._seen.add(id(held))
            self._function(held, path)
        elif kind is dict:
            self._seen.add(id(held))
            self._items(held, path)
        elif kind is list:
            self._seen.add(id(held))
            for n, item in enumerate(held):
                self._place(item, f"{path}.{n}", functools.partial(self._patches.put, held, n))
        elif kind in (tuple, set, frozenset):
            self._seen.add(id(held))
            if kind is tuple:
                for n, item in enumerate(held):
                    self.look_into(item, f"{path}.{n}")
        elif kind is MethodType:
            self.look_into(held.__self__, path)
            self.look_into(held.__func__, path)
        elif kind is functools.partial:
            self._partial(held, path)
        elif kind in (staticmethod, classmethod):
            self.look_into(held.__func__, path)
        elif kind is property:
            for part in (held.fget, held.fset, held.fdel):
                if part is not None:
                    self.look_into(part, path)
        elif isinstance(held, type):
            if held.__module__ == self._module:
                self._seen.add(id(held))
                self._class(held, path)
        else:
            self._instance(held, kind, path)

    def _place(self, held: Any, path: str, put: Callable[[Any], None]) -> None:
        """Replace what is held somewhere, or look into it."""
        new = self._patches.new_value(held)
        if new is held:
            new = self._patches.new_object(held, path)
        if new is not held:
            put(new)
        else:
            self.look_into(held, path)

    def _items(self, space: dict[Any, Any], path: str) -> None:
        for key, held in list(space.items()):
            if type(held) is str or type(held) is int:
                continue
            self._place(held, f"{path}.{key}", functools.partial(self._patches.put, space, key))

    def _class(self, owner: type, path: str) -> None:
        for key, held in list(vars(owner).items()):
            inner = held.__func__ if isinstance(held, (staticmethod, classmethod)) else held
            self._place(inner, f"{path}.{key}", functools.partial(self._patches.put_in_class, owner, key, held))

    def _function(self, function: FunctionType, path: str) -> None:
        self._patches.swap_defaults(function)
        for n, default in enumerate(function.__defaults__ or ()):
            self.look_into(default, f"{path}.{n}")
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            self._cell(cell, f"{path}.{name}")
        if function.__dict__:
            self._items(function.__dict__, path)

    def _partial(self, partial: Any, path: str) -> None:
        before = partial.__reduce__()[2]
        new = self._patches.new_value
        function, arguments = new(partial.func), tuple(new(item) for item in partial.args)
        keywords = {key: new(item) for key, item in partial.keywords.items()}
        now = [function, *arguments, *keywords.values()]
        if any(one is not other for one, other in zip(now, [partial.func, *partial.args, *partial.keywords.values()])):
            partial.__setstate__((function, arguments, keywords, before[3]))
            self._patches.later(functools.partial(partial.__setstate__, before))
        for n, item in enumerate(now):
            self.look_into(item, f"{path}.{n}")

    def _cell(self, cell: CellType, path: str) -> None:
        try:
            held = cell.cell_contents
        except ValueError:
            return  # nothing in it yet

        def put(new: Any) -> None:
            cell.cell_contents = new
            self._patches.later(functools.partial(setattr, cell, "cell_contents", held))

        self._place(held, path, put)

    def _instance(self, held: Any, kind: type, path: str) -> None:
        name = self._patches.kind_of(kind)
        if name is not None:
            self._seen.add(id(held))
            held.__dict__.setdefault("_loadloom_name", f"{name} {path}")
            if kind.__module__ in sys.stdlib_module_names:
                return
        elif not is_users(kind.__module__) and kind is not functools.cached_property:
            return
        self._seen.add(id(held))
        try:
            space = object.__getattribute__(held, "__dict__")
        except AttributeError:
            space = None
        if type(space) is dict:
            self._items(space, path)
        for base in kind.__mro__:
            slots = base.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                if slot not in ("__dict__", "__weakref__"):
                    self._slot(held, base, slot, path)

    def _slot(self, held: Any, owner: type, slot: str, path: str) -> None:
        descriptor = owner.__dict__.get(slot)
        if descriptor is None or not hasattr(descriptor, "__set__"):
            return
        try:
            value = descriptor.__get__(held, owner)
        except AttributeError:
            return

        def put(new: Any) -> None:
            descriptor.__set__(held, new)
            self._patches.later(functools.partial(descriptor.__set__, held, value))

        self._place(value, f"{path}.{slot}", put)
