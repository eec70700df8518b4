"""`threading.local` under control: each task sees attributes of its own.

The C type keeps them per OS thread, where all fibers are one. Names of it become a class of ours; objects of it that
were made before we came are replaced where a module holds them. Subclasses that were made before we came cannot lose
their base: before each access to one of their objects the attributes of the task that runs are put into it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..runtime.task import Task
from .patching import Patches

_Real: Any = threading.local


class _Kept:
    """What a local was made with, and the attributes that each task sees in it."""

    __slots__ = ("args", "execution", "keywords", "of_task", "outer", "shown")

    def __init__(self, args: tuple[Any, ...], keywords: dict[str, Any], outer: dict[str, Any]) -> None:
        self.args = args
        self.keywords = keywords
        self.outer = outer  # those of the thread that we run in: what the main task sees
        self.of_task: dict[Task, dict[str, Any]] = {}
        self.execution: Any = None
        self.shown: Task | None = None  # whose attributes an object of the C type holds just now

    def forget(self, execution: Any) -> None:
        """Drop what the tasks of another execution had in it."""
        if self.execution is not execution:
            self.execution = execution
            self.of_task.clear()


def _running() -> Task | None:
    """The task whose attributes are meant; None: those of the thread that we run in."""
    execution = control.exploring()
    if execution is None or control.outside() is not None:
        return None
    task = execution.current
    return task if task is not None and task.path else None


class ControlledLocal:
    """The shape of `threading.local`."""

    __slots__ = ("__dict__", "__weakref__", "_loadloom_kept")

    def __new__(cls, /, *args: Any, **kw: Any) -> Any:  # noqa: D102 - not public
        if (args or kw) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        return _made(cls, _Kept(args, kw, {}), _running())

    def __getattribute__(self, name: str) -> Any:
        _load(self)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _refuse_dict(self, name)
        _load(self)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _refuse_dict(self, name)
        _load(self)
        object.__delattr__(self, name)


def _refuse_dict(local: Any, name: str) -> None:
    if name == "__dict__":
        raise AttributeError(f"{type(local).__name__!r} object attribute '__dict__' is read-only")


def _made(cls: type, kept: _Kept, maker: Task | None) -> Any:
    self: Any = object.__new__(cls)
    object.__setattr__(self, "_loadloom_kept", kept)
    if maker is not None:  # its own `__init__` is about to run; the others' will at their first access
        kept.execution = control.exploring()
        kept.of_task[maker] = {}
    return self


def _load(self: Any) -> None:
    kept: _Kept = object.__getattribute__(self, "_loadloom_kept")
    task = _running()
    if task is None:
        object.__setattr__(self, "__dict__", kept.outer)
        return
    kept.forget(control.exploring())
    fields = kept.of_task.get(task)
    if fields is not None:
        object.__setattr__(self, "__dict__", fields)
        return
    object.__setattr__(self, "__dict__", kept.of_task.setdefault(task, {}))
    type(self).__init__(self, *kept.args, **kept.keywords)


# -- subclasses of the C type that were made before we came ---------------------------------------------------


class _Premade:
    """The objects of such classes that were touched in one exploration."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, _Kept]] = {}

    def show(self, local: Any) -> None:
        """Put the attributes of the task that runs into ``local``."""
        if control.outside() is not None:
            return
        task = _running()
        found = self._known.get(id(local))
        if found is None:
            if task is None:
                return
            found = self._known[id(local)] = (local, _Kept(*_made_with(local), {}))
        kept = found[1]
        if kept.shown is task:
            return
        fields = _Real.__getattribute__(local, "__dict__")
        if kept.shown is None:
            kept.outer = dict(fields)
        else:
            kept.of_task[kept.shown] = dict(fields)
        kept.forget(control.exploring())
        kept.shown = task
        fields.clear()
        if task is None:
            fields.update(kept.outer)
        elif task in kept.of_task:
            fields.update(kept.of_task[task])
        elif type(local).__init__ is not object.__init__:
            type(local).__init__(local, *kept.args, **kept.keywords)

    def restore(self) -> None:
        """Put back what the thread that we run in had."""
        for local, kept in self._known.values():
            if kept.shown is not None:
                fields = _Real.__getattribute__(local, "__dict__")
                fields.clear()
                fields.update(kept.outer)
        self._known.clear()


def _made_with(local: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a local's constructor: the C type keeps them, in this order, before a dict of its own."""
    held = gc.get_referents(local)
    at = next((n for n, item in enumerate(held) if type(item) is tuple), None)
    if at is None:
        return (), {}
    dicts = [item for item in held[at + 1 :] if type(item) is dict]
    return held[at], dicts[0] if len(dicts) > 1 else {}


def _shown_first(premade: _Premade, original: Callable[..., Any]) -> Callable[..., Any]:
    def access(self: Any, *args: Any) -> Any:
        premade.show(self)
        return original(self, *args)

    return access


def _hook_subclasses(patches: Patches) -> None:
    premade = _Premade()
    for cls in _Real.__subclasses__():
        for name in ("__getattribute__", "__setattr__", "__delattr__"):
            patches.set(cls, name, _shown_first(premade, getattr(cls, name)))
    patches.later(premade.restore)


def _replace(real: Any, name: str) -> Any:
    return _made(ControlledLocal, _Kept((), {}, real.__dict__), None)


def install(patches: Patches) -> None:
    """Add locals to ``patches``."""
    patches.value(_Real, ControlledLocal)
    patches.objects(_Real, _replace)
    patches.on_apply(_hook_subclasses)
