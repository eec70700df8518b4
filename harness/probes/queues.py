"""`queue.Queue`, its subclasses and `SimpleQueue` under control. Where an item goes is the class's own business."""

from __future__ import annotations

import collections
import queue
from typing import Any

from .. import model
from ..runtime import control
from ..runtime.execution import Execution
from ..trace import Operation
from .binding import Binding, bind, bound, wait
from .patching import Patches


def _adopt(real: Any) -> model.Queue:
    adopted = model.Queue(real.maxsize)
    adopted.size, adopted.unfinished = real._qsize(), real.unfinished_tasks
    return adopted


def _put(execution: Execution, binding: Binding, block: bool, timeout: float | None) -> None:
    """Announce a put; raises `queue.Full` where it cannot be done."""
    state: model.Queue = binding.model
    if timeout is not None and timeout < 0 and block:
        raise ValueError("'timeout' must be a non-negative number")
    if not block:
        operation = Operation("try-put", binding.write)
        execution.perform(operation)
        if not state.can_put():
            operation.accesses = binding.read
            raise queue.Full
    elif not wait(execution, "put", binding, state.can_put, timeout):
        raise queue.Full
    if state.shutdown:
        raise queue.ShutDown  # type: ignore[attr-defined]
    state.size += 1
    state.unfinished += 1


def _get(execution: Execution, binding: Binding, block: bool, timeout: float | None) -> None:
    """Announce a get; raises `queue.Empty` where it cannot be done."""
    state: model.Queue = binding.model
    if timeout is not None and timeout < 0 and block:
        raise ValueError("'timeout' must be a non-negative number")
    if not block:
        operation = Operation("try-get", binding.write)
        execution.perform(operation)
        if not state.can_get():
            operation.accesses = binding.read
            raise queue.Empty
    elif not wait(execution, "get", binding, state.can_get, timeout):
        raise queue.Empty
    if state.size == 0:
        raise queue.ShutDown  # type: ignore[attr-defined]
    state.size -= 1


class ControlledSimpleQueue:
    """The shape of `queue.SimpleQueue`."""

    def __new__(cls) -> Any:
        return _real_simple() if control.current() is None else object.__new__(cls)

    def __init__(self) -> None:
        self._items: collections.deque[Any] = collections.deque()
        execution = control.current()
        assert execution is not None
        bind(execution, self, "queue", model.Queue())

    def _bound(self, execution: Execution) -> Binding:
        def adopt(_: Any) -> model.Queue:
            adopted = model.Queue()
            adopted.size = len(self._items)
            return adopted

        return bound(execution, self, "queue", adopt)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """As `queue.SimpleQueue.put`."""
        execution = control.current()
        if execution is not None:
            _put(execution, self._bound(execution), True, None)
        self._items.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """As `queue.SimpleQueue.get`."""
        execution = control.current()
        if execution is not None:
            _get(execution, self._bound(execution), block, timeout)
        elif not self._items:
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
        if execution is not None:
            execution.perform(Operation("size?", self._bound(execution).read))
        return len(self._items)


_real_simple = queue.SimpleQueue


def install(patches: Patches) -> None:
    """Add the queues to ``patches``."""
    patches.value(queue.SimpleQueue, ControlledSimpleQueue)

    def init(original: Any) -> Any:
        def __init__(self: Any, maxsize: int = 0) -> None:
            execution = control.current()
            if execution is None:
                original(self, maxsize)
                return
            execution.quiet += 1
            try:
                original(self, maxsize)
            finally:
                execution.quiet -= 1
            bind(execution, self, "queue", model.Queue(maxsize))

        return __init__

    def put(original: Any) -> Any:
        def put_(self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
            execution = control.current()
            if execution is None:
                original(self, item, block, timeout)
                return
            _put(execution, bound(execution, self, "queue", _adopt), block, timeout)
            self._put(item)
            self.unfinished_tasks += 1

        return put_

    def get(original: Any) -> Any:
        def get_(self: Any, block: bool = True, timeout: float | None = None) -> Any:
            execution = control.current()
            if execution is None:
                return original(self, block, timeout)
            _get(execution, bound(execution, self, "queue", _adopt), block, timeout)
            return self._get()

        return get_

    def task_done(original: Any) -> Any:
        def task_done_(self: Any) -> None:
            execution = control.current()
            if execution is None:
                original(self)
                return
            binding = bound(execution, self, "queue", _adopt)
            execution.perform(Operation("task done", binding.write))
            if binding.model.unfinished <= 0:
                raise ValueError("task_done() called too many times")
            binding.model.unfinished -= 1
            self.unfinished_tasks -= 1

        return task_done_

    def join(original: Any) -> Any:
        def join_(self: Any) -> None:
            execution = control.current()
            if execution is None:
                original(self)
                return
            binding = bound(execution, self, "queue", _adopt)
            wait(execution, "join", binding, binding.model.all_done, None, accesses=binding.read)

        return join_

    def look(answer: Any) -> Any:
        def make(original: Any) -> Any:
            def look_(self: Any) -> Any:
                execution = control.current()
                if execution is None:
                    return original(self)
                binding = bound(execution, self, "queue", _adopt)
                execution.perform(Operation("size?", binding.read))
                return answer(binding.model)

            return look_

        return make

    def shutdown(original: Any) -> Any:
        def shutdown_(self: Any, immediate: bool = False) -> None:
            execution = control.current()
            if execution is None:
                original(self, immediate)
                return
            binding = bound(execution, self, "queue", _adopt)
            state: model.Queue = binding.model
            execution.perform(Operation("shut down", binding.write))
            state.shutdown = True
            if immediate:
                while self._qsize():
                    self._get()
                    if state.unfinished > 0:
                        state.unfinished -= 1
                        self.unfinished_tasks -= 1
                state.size = 0

        return shutdown_

    patches.method(queue.Queue, "__init__", init)
    patches.method(queue.Queue, "put", put)
    patches.method(queue.Queue, "get", get)
    patches.method(queue.Queue, "task_done", task_done)
    patches.method(queue.Queue, "join", join)
    patches.method(queue.Queue, "qsize", look(lambda m: m.size))
    patches.method(queue.Queue, "empty", look(lambda m: m.size == 0))
    patches.method(queue.Queue, "full", look(lambda m: 0 < m.limit <= m.size))
    if hasattr(queue.Queue, "shutdown"):
        patches.method(queue.Queue, "shutdown", shutdown)
