"""Names of objects in one execution, the same for the same choices and whichever task touches an object first.

An object is named by the task that makes it known: at its display or first `self.x = ...`, where it is stored in
something shared, or, for what uninstrumented code made, when a thread is started, because a new thread can only reach
what its starter can. Globals of instrumented modules go by their path. See docs/decisions.md.
"""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Iterator
from types import CellType, FrameType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from ..runtime.execution import Execution
from ..runtime.task import Task
from .sweep import is_users

KEY = "instrument"
MOST = 2000
"""Objects looked at in one walk."""
HEAP = 1 << 9
Part = tuple[str, Any]
"""How to get there from the object before, and what is there."""
_SKIPPED = ("harness", "greenlet", "_pytest", "pytest", "pluggy")


def _kind_of(cls: Any) -> str:
    """What a walk does with an object of a class."""
    if issubclass(cls, (list, deque, tuple)):
        return "items"
    if issubclass(cls, dict):
        return "dict"
    if issubclass(cls, (set, bytearray)):
        return "leaf"
    if cls is FunctionType:
        return "function"
    if cls is MethodType:
        return "method"
    if cls is functools.partial:
        return "partial"
    if cls is CellType:
        return "cell"
    if cls is SimpleNamespace or cls.__module__ in _instrumented:
        return "instance"
    if issubclass(cls, (type, ModuleType)) or not cls.__flags__ & HEAP:
        return ""
    top = cls.__module__.partition(".")[0]
    if any(base.__module__ == "threading" and base.__name__ == "Thread" for base in cls.__mro__):
        return "instance"
    return "" if top in sys.stdlib_module_names or top in _SKIPPED else "instance"


_instrumented: set[str] = set()  # names of instrumented modules, for the time of an exploration


_kind = functools.lru_cache(maxsize=4096)(_kind_of)


class Names:
    """The names that objects have in one execution; keeps the objects, so that no id is used twice."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self.known: dict[int, tuple[Any, str]] = {}
        self.kinds: dict[tuple[type, str], Any] = {}  # what an attribute of a class is, see `instrument_access`
        self.globals: dict[int, str] = {}

    def of(self, obj: Any) -> str:
        """The name of an object."""
        found = self.known.get(id(obj))
        if found is not None:
            return found[1]
        if isinstance(obj, type):
            return f"{obj.__module__}.{obj.__qualname__}"
        if isinstance(obj, FunctionType):
            return f"{obj.__module__}.{obj.__qualname__}"
        return self.late(obj, type(obj).__name__)

    def late(self, obj: Any, kind: str) -> str:
        """The name of an object that nobody made known: all of its kind share one, whoever touches it first."""
        name = f"some {kind}"
        self.known[id(obj)] = (obj, name)
        return name

    def born(self, obj: Any) -> None:
        """An object is being made by the current task."""
        if id(obj) not in self.known:
            self.name(obj, type(obj).__name__)

    def name(self, obj: Any, kind: str) -> str:
        """Give an object a name of the current task's."""
        task = self.execution.current
        assert task is not None
        name = task.object_name(kind)
        self.known[id(obj)] = (obj, name)
        return name

    def adopt(self, root: Any) -> None:
        """Name an object and what is reachable through it, if it has no name yet."""
        kind = _kind(type(root))  # type: ignore[arg-type]
        if kind and id(root) not in self.known:
            self._walk([("", root)], through_known=False)

    def start(self, modules: list[ModuleType], program: Any) -> None:
        """Name what is there before any thread is started: globals of instrumented modules, then the program's own."""
        roots: list[Part] = []
        for module in modules:
            for key, held in list(vars(module).items()):
                self._at(held, f"{module.__name__}.{key}", roots)
                if isinstance(held, type) and held.__module__ == module.__name__:
                    for name, inner in list(vars(held).items()):
                        if not name.startswith("__"):
                            self._at(inner, f"{held.__module__}.{held.__qualname__}.{name}", roots)
        self._walk([*roots, ("program", program)], through_known=True)

    def _at(self, held: Any, path: str, roots: list[Part]) -> None:
        if _kind(type(held)) in ("items", "dict", "leaf", "instance"):  # type: ignore[arg-type]
            if type(held) is not tuple and id(held) not in self.known:
                self.known[id(held)] = (held, path)
            roots.append((path, held))

    def spawned(self, body: Any) -> None:
        """Name what a new thread can reach: by its body, or by its starter's variables."""
        frame: FrameType | None = sys._getframe(1)
        frames = []
        while frame is not None:
            owner = frame.f_globals.get("__name__", "")
            if frame.f_code.co_name == "_carry" and owner == "harness.runtime.execution":
                break
            if not isinstance(owner, str) or not owner.startswith("harness."):
                frames.append(frame)
            frame = frame.f_back
        roots: list[Part] = []
        for each in reversed(frames):
            if each.f_code.co_name != "<module>":
                roots += [("", held) for held in each.f_locals.values()]
        self._walk([*roots, ("", body)], through_known=True)

    def _walk(self, roots: list[Part], through_known: bool) -> None:
        """Name what has no name: by its path where the walk began with one, else by the current task's count.

        What an earlier execution left in a global goes by its path: it must not use up a number.
        """
        seen: set[int] = set()
        todo = list(reversed(roots))
        kept = []
        while todo and len(seen) < MOST:
            path, obj = todo.pop()
            kind = _kind(type(obj))  # type: ignore[arg-type]
            if not kind or id(obj) in seen:
                continue
            seen.add(id(obj))
            kept.append(obj)  # no id may be used again during the walk
            if kind in ("items", "dict", "leaf", "instance") and type(obj) is not tuple:
                if id(obj) not in self.known:
                    if path:
                        self.known[id(obj)] = (obj, path)
                    else:
                        self.name(obj, type(obj).__name__)
                elif not through_known:
                    continue
            below = [(f"{path}{way}" if path else "", held) for way, held in self._below(obj, kind, path)]
            todo += reversed(below)

    def _below(self, obj: Any, kind: str, path: str) -> Iterator[Part]:
        if kind == "items":
            held = list.__iter__(obj) if isinstance(obj, list) else iter(tuple(obj))
            yield from ((f"[{n}]", each) for n, each in enumerate(held))
        elif kind == "dict":
            for n, (key, each) in enumerate(list(dict.items(obj))):
                yield f"[{key!r}]" if type(key) in (str, int) else f"[#{n}]", each
        elif kind == "function":
            yield from self._function(obj, path)
        elif kind == "method":
            yield "", obj.__self__
            yield "", obj.__func__
        elif kind == "partial":
            yield from ((".func", obj.func), (".args", obj.args), (".keywords", obj.keywords))
        elif kind == "cell":
            try:
                yield "", obj.cell_contents
            except ValueError:
                return
        if kind == "instance" or (kind in ("items", "dict", "leaf") and type(obj).__flags__ & HEAP):
            yield from parts(obj)

    def _function(self, function: FunctionType, path: str) -> Iterator[Part]:
        module = function.__module__ or ""
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            if id(cell) not in self.known and not module.startswith("harness."):
                if path:
                    self.known[id(cell)] = (cell, f"cell {path}.{variable}")
                else:
                    self.name(cell, f"cell {variable}")
            yield f".{variable}", cell
        yield from ((f".{n}", each) for n, each in enumerate(function.__defaults__ or ()))
        if module and is_users(module):
            for name in function.__code__.co_names:
                held = function.__globals__.get(name)
                if held is not None and (type(held) is not FunctionType or held.__module__ == module):
                    yield f".{name}", held


def parts(obj: Any) -> Iterator[Part]:
    """What the attributes of an instance hold, without running any code of its class."""
    try:
        space = object.__getattribute__(obj, "__dict__")
    except AttributeError:
        space = None
    if type(space) is dict:
        yield from [(f".{key}", held) for key, held in space.items() if not str(key).startswith("_loadloom")]
    for base in type(obj).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else tuple(slots):
            descriptor: Any = base.__dict__.get(slot)
            if type(descriptor).__name__ == "member_descriptor":
                try:
                    yield f".{slot}", descriptor.__get__(obj, base)
                except AttributeError:
                    pass


_modules: list[ModuleType] = []  # instrumented ones, for the time of an exploration
_program: list[Any] = []


def begin(modules: list[ModuleType], program: Any) -> None:
    """What executions from now on start naming from."""
    _modules[:] = modules
    _program[:] = [program]
    _instrumented.update(module.__name__ for module in modules)
    _kind.cache_clear()


def end() -> None:
    """Undo `begin`."""
    _modules.clear()
    _program.clear()
    _instrumented.clear()
    _kind.cache_clear()


def names_of(execution: Execution) -> Names:
    """The names of an execution. Its main task makes them: at its first access, or before it starts a thread."""
    names: Names | None = execution.notes.get(KEY)
    if names is None:
        names = execution.notes[KEY] = Names(execution)
        names.start(_modules, _program[0] if _program else None)
    return names


class NamingExecution(Execution):
    """An execution in which what a new thread can reach gets its name before the thread begins."""

    def spawn(self, name: str, body: Callable[[], None], daemon: bool = False) -> Task:
        """As `Execution.spawn`."""
        self.quiet += 1
        try:
            names_of(self).spawned(body)
        finally:
            self.quiet -= 1
        return super().spawn(name, body, daemon)
