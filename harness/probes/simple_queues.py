"""`queue.SimpleQueue` under control."""

from __future__ import annotations

import collections
import queue
import types
from typing import Any

from .. import model
from ..runtime import control
from ..trace import Operation
from . import queues
from .binding import NAME, Kind, intruded
from .patching import Patches

_Real = queue.SimpleQueue


def _model_of(held: Any) -> model.Queue:
    real = held if isinstance(held, _Real) else held._real
    held._items = collections.deque(() if real is None else _items_of(real))
    return model.Queue(0, lambda: len(held._items))


SIMPLE_QUEUE = Kind("queue", _model_of)


class ControlledSimpleQueue:
    """The shape of `queue.SimpleQueue`. One that stands for a real one starts with its items in each execution."""

    __class_getitem__: Any = classmethod(types.GenericAlias)
    _real: Any = None
    _items: collections.deque[Any]

    def __new__(cls) -> Any:  # noqa: D102 - not public
        return _Real() if control.current() is None else object.__new__(cls)

    def __init__(self) -> None:
        execution = control.current()
        assert execution is not None
        SIMPLE_QUEUE.bind(execution, self)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """As `queue.SimpleQueue.put`."""
        execution = control.current()
        if execution is None:
            intruded(self)
            (self._items.append if self._real is None else self._real.put)(item)
            return
        queues.put(execution, SIMPLE_QUEUE.of(execution, self), True, None)
        self._items.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """As `queue.SimpleQueue.get`."""
        execution = control.current()
        if execution is not None:
            queues.get(execution, SIMPLE_QUEUE.of(execution, self), block, timeout)
        else:
            intruded(self)
            if self._real is not None:
                return self._real.get(block, timeout)
            if not self._items:
                raise queue.Empty
        return self._items.popleft()

    def put_nowait(self, item: Any) -> None:
        """As `queue.SimpleQueue.put_nowait`."""
        self.put(item)

    def get_nowait(self) -> Any:
        """As `queue.SimpleQueue.get_nowait`."""
        return self.get(block=False)

    def empty(self) -> bool:
        """As `queue.SimpleQueue.empty`."""
        return self.qsize() == 0

    def qsize(self) -> int:
        """As `queue.SimpleQueue.qsize`."""
        execution = control.current()
        if execution is None:
            intruded(self)
            return len(self._items) if self._real is None else int(self._real.qsize())
        execution.perform(Operation("size?", SIMPLE_QUEUE.of(execution, self).read))
        return len(self._items)


def _items_of(real: Any) -> list[Any]:
    """What a real queue holds; it keeps it."""
    items = []
    while not _Real.empty(real):
        items.append(_Real.get_nowait(real))
    for item in items:
        _Real.put(real, item)
    return items


def _replace(real: Any, name: str) -> Any:
    """A controlled queue in the place of one made before we came."""
    stand_in = object.__new__(ControlledSimpleQueue)
    stand_in._real = real
    stand_in.__dict__[NAME] = f"queue {name}"
    return stand_in


def _adopt_subclasses(patches: Patches) -> None:
    """Subclasses of the C type cannot lose their base: they get our methods where they have none of their own."""
    for cls in _Real.__subclasses__():
        for name in ("put", "get", "put_nowait", "get_nowait", "empty", "qsize"):
            if name not in cls.__dict__:
                patches.set(cls, name, _for_subclass(getattr(ControlledSimpleQueue, name), getattr(_Real, name)))
        patches.set(cls, "__init__", _bound_when_made(cls.__init__))


def _bound_when_made(original: Any) -> Any:
    def __init__(self: Any, *args: Any, **kw: Any) -> None:
        execution = control.current()
        if execution is not None:
            SIMPLE_QUEUE.bind(execution, self)
        original(self, *args, **kw)

    return __init__


def _for_subclass(ours: Any, original: Any) -> Any:
    def method(self: Any, *args: Any, **kw: Any) -> Any:
        if control.current() is None:
            intruded(self)
            return original(self, *args, **kw)
        return ours(self, *args, **kw)

    return method


def install(patches: Patches) -> None:
    """Add simple queues to ``patches``."""
    patches.value(_Real, ControlledSimpleQueue)
    patches.objects(_Real, _replace)
    patches.on_apply(_adopt_subclasses)
