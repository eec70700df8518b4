"""`queue.Queue` and its subclasses under control. Where an item goes is the class's own business."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from .. import model
from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import Operation
from .binding import NAME, SLOT, Binding, Kind, steer, wait
from .conditions import STAND_IN
from .locks import ControlledLock
from .patching import Patches


def _model_of(real: Any) -> model.Queue:
    found = model.Queue(real.maxsize, real._qsize)
    found.unfinished, found.shutdown = real.unfinished_tasks, getattr(real, "is_shutdown", False)
    return found


QUEUE = Kind("queue", _model_of)


def put(execution: Execution, binding: Binding, block: bool, timeout: float | None) -> None:
    """Announce a put; raises `queue.Full` where it cannot be done."""
    state: model.Queue = binding.model
    if state.limit <= 0:
        timeout = None  # the stdlib does not even look at it
    _ask(execution, "put", binding, state.can_put, block, timeout, queue.Full)
    if state.shutdown:
        raise queue.ShutDown  # type: ignore[attr-defined]


def get(execution: Execution, binding: Binding, block: bool, timeout: float | None) -> None:
    """Announce a get; raises `queue.Empty` where it cannot be done."""
    state: model.Queue = binding.model
    _ask(execution, "get", binding, state.can_get, block, timeout, queue.Empty)
    if not state.size():
        raise queue.ShutDown  # type: ignore[attr-defined]


def _ask(
    execution: Execution, kind: str, binding: Binding, able: Callable[[], bool], block: bool,
    timeout: float | None, otherwise: type[Exception],
) -> None:  # fmt: skip
    state: model.Queue = binding.model
    if block and timeout is not None and timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")
    if block and timeout != 0:
        done = wait(execution, kind, binding, able, timeout)
    else:
        operation = Operation(f"try-{kind}", binding.write, None if state.mutex is None else state.reachable)
        execution.perform(operation)
        done = able()
        if not done:
            operation.accesses = binding.read
    if not done:
        raise otherwise


def _put(execution: Execution, self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
    binding = QUEUE.of(execution, self)
    put(execution, binding, block, timeout)
    with quiet(execution):
        self._put(item)
        self.unfinished_tasks += 1
    binding.model.unfinished += 1
    _notify(execution, self, "not_empty", 1)


def _get(execution: Execution, self: Any, block: bool = True, timeout: float | None = None) -> Any:
    get(execution, QUEUE.of(execution, self), block, timeout)
    with quiet(execution):
        item = self._get()
    _notify(execution, self, "not_full", 1)
    return item


def _notify(execution: Execution, self: Any, name: str, n: int) -> None:
    """Wake tasks that wait on a condition inside the queue, as the stdlib's code would."""
    binding = self.__dict__[name].__dict__.get(SLOT)
    if binding is not None and binding.execution is execution:
        binding.model.notify(n)


def _announce(execution: Execution, self: Any, kind: str, reads: bool = False) -> model.Queue:
    """One operation that waits for nothing but the queue's own mutex."""
    binding = QUEUE.of(execution, self)
    state: model.Queue = binding.model
    accesses = binding.read if reads else binding.write
    if state.mutex is None:
        execution.perform(Operation(kind, accesses))
    else:
        wait(execution, kind, binding, state.reachable, None, state.mutex.holders, accesses=accesses)
    return state


def _task_done(execution: Execution, self: Any) -> None:
    state = _announce(execution, self, "task done")
    if state.unfinished <= 0:
        raise ValueError("task_done() called too many times")
    state.unfinished -= 1
    with quiet(execution):
        self.unfinished_tasks -= 1
    if not state.unfinished:
        _notify(execution, self, "all_tasks_done", len(execution.live))


def _join(execution: Execution, self: Any) -> None:
    binding = QUEUE.of(execution, self)
    wait(execution, "join", binding, binding.model.all_done, None, accesses=binding.read)


def _looking(answer: Callable[[model.Queue], object]) -> Any:
    def look(execution: Execution, self: Any) -> Any:
        return answer(_announce(execution, self, "size?", reads=True))

    return look


def _shutdown(execution: Execution, self: Any, immediate: bool = False) -> None:
    state = _announce(execution, self, "shut down")
    state.shutdown = self.is_shutdown = True
    if not immediate:
        return
    with quiet(execution):
        while self._qsize():
            self._get()
            if state.unfinished > 0:
                state.unfinished -= 1
                self.unfinished_tasks -= 1


class _Inner:
    """An attribute of a queue that is another thing for a task than for code outside of tasks."""

    def __init__(self, name: str, shown: Callable[[Execution, Any, Any], Any]) -> None:
        self.name = name
        self.shown = shown

    def __get__(self, obj: Any, owner: Any = None) -> Any:
        execution = control.current()
        if obj is None:
            raise AttributeError(self.name)
        held = obj.__dict__[self.name]
        return held if execution is None else self.shown(execution, obj, held)

    def __set__(self, obj: Any, value: Any) -> None:
        obj.__dict__[self.name] = value


def _mutex(execution: Execution, self: Any, real: Any) -> Any:
    """The queue's mutex: one resource with the queue, whose operations it holds up."""
    binding = QUEUE.of(execution, self)
    state: model.Queue = binding.model
    if state.mutex is None:
        state.mutex = model.Lock()
        for task in execution.live:
            if task.pending.resource == binding.name and task.pending.enabled is None:
                task.pending.enabled = state.reachable
    lock = ControlledLock.standing_for(real, binding.name)
    lock.__dict__[SLOT] = Binding(execution, state.mutex, binding.name)
    return lock


def _condition(execution: Execution, self: Any, real: Any) -> Any:
    """A condition inside the queue: it shares the mutex."""
    real.__dict__.setdefault(NAME, f"condition of {QUEUE.of(execution, self).name}")
    real.__dict__[STAND_IN] = self.mutex
    return real


def _unfinished(execution: Execution, self: Any, real: int) -> int:
    binding = QUEUE.of(execution, self)
    execution.perform(Operation("unfinished?", binding.read))  # reading it asks for no mutex
    return int(binding.model.unfinished)


def install(patches: Patches) -> None:
    """Add queues to ``patches``."""
    owner = queue.Queue
    QUEUE.made_by(patches, owner)
    for name, act in (
        ("put", _put), ("get", _get), ("task_done", _task_done), ("join", _join),
        ("qsize", _looking(lambda m: m.size())), ("empty", _looking(lambda m: not m.size())),
        ("full", _looking(lambda m: 0 < m.limit <= m.size())),
    ):  # fmt: skip
        steer(patches, owner, name, act)
    if hasattr(owner, "shutdown"):
        steer(patches, owner, "shutdown", _shutdown)
    for name, shown in (
        ("mutex", _mutex), ("not_empty", _condition), ("not_full", _condition), ("all_tasks_done", _condition),
        ("unfinished_tasks", _unfinished),
    ):  # fmt: skip
        patches.attribute(owner, name, _Inner(name, shown))
