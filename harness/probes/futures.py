"""`concurrent.futures`: `Future`, `ThreadPoolExecutor`, `wait` and `as_completed` under control.

A pool starts a new worker for each submission until it has as many as it may; the worker takes that submission first.
Later ones wait in a backlog for which free workers compete. The stdlib may also reuse an idle worker; which of them
is idle depends on timing alone, and what can be told apart by it (thread names, thread locals) is little.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, InvalidStateError, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FuturesTimeout
from typing import Any

from .. import model
from ..model.future import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from ..runtime import control
from ..runtime.execution import Execution
from ..runtime.task import Task
from ..trace import READ, WRITE, Operation
from .binding import Binding, bind, bound, deadline_of, wait
from .patching import Patches
from .threads import join_task, run_as_thread

_Future = concurrent.futures.Future


def _adopt(real: Any) -> model.Future:
    adopted = model.Future()
    adopted.state = real._state
    return adopted


def _bound(execution: Execution, future: Any) -> Binding:
    return bound(execution, future, "future", _adopt)


def unread(execution: Execution) -> dict[str, BaseException]:
    """Exceptions in futures that nobody read, by the future's name."""
    held: dict[str, BaseException] = execution.notes.setdefault("unread futures", {})
    return held


def _settle(self: Any, result: Any, error: BaseException | None, kind: str) -> bool:
    """Put a result or an exception into a future under control; False: not under control."""
    execution = control.current()
    if execution is None:
        return False
    binding = _bound(execution, self)
    execution.perform(Operation(kind, binding.write))
    state: model.Future = binding.model
    if state.done():
        raise InvalidStateError(f"{state.state}: {self!r}")
    state.state = self._state = FINISHED
    self._result, self._exception = result, error
    if error is not None:
        unread(execution)[binding.name] = error
    _call_back(self)
    return True


def _call_back(self: Any) -> None:
    for callback in self._done_callbacks:
        try:
            callback(self)
        except Exception as error:  # the stdlib logs it and goes on; we keep it
            execution = control.current()
            if execution is not None and execution.current is not None:
                execution.fail_with(execution.current, error)


def _answer(execution: Execution, self: Any, timeout: float | None) -> None:
    """Wait until the future is done; raises as `Future.result` does where it is not or was cancelled."""
    binding = _bound(execution, self)
    if timeout is not None and timeout <= 0:
        execution.perform(Operation("done?", binding.read))
        if not binding.model.done():
            raise FuturesTimeout
    elif not wait(execution, "result", binding, binding.model.done, timeout, accesses=binding.read):
        raise FuturesTimeout
    unread(execution).pop(binding.name, None)
    if binding.model.state in (CANCELLED, CANCELLED_AND_NOTIFIED):
        raise CancelledError


def _patch_future(patches: Patches) -> None:
    def init(original: Any) -> Any:
        def __init__(self: Any) -> None:
            execution = control.current()
            if execution is None:
                original(self)
                return
            execution.quiet += 1
            try:
                original(self)
            finally:
                execution.quiet -= 1
            bind(execution, self, "future", model.Future())

        return __init__

    def result(original: Any) -> Any:
        def result_(self: Any, timeout: float | None = None) -> Any:
            execution = control.current()
            if execution is None:
                return original(self, timeout)
            _answer(execution, self, timeout)
            if self._exception is not None:
                raise self._exception
            return self._result

        return result_

    def exception(original: Any) -> Any:
        def exception_(self: Any, timeout: float | None = None) -> Any:
            execution = control.current()
            if execution is None:
                return original(self, timeout)
            _answer(execution, self, timeout)
            return self._exception

        return exception_

    def set_result(original: Any) -> Any:
        def set_result_(self: Any, result: Any) -> None:
            if not _settle(self, result, None, "set result"):
                original(self, result)

        return set_result_

    def set_exception(original: Any) -> Any:
        def set_exception_(self: Any, exception: Any) -> None:
            if not _settle(self, None, exception, "set exception"):
                original(self, exception)

        return set_exception_

    def cancel(original: Any) -> Any:
        def cancel_(self: Any) -> bool:
            execution = control.current()
            if execution is None:
                return bool(original(self))
            binding = _bound(execution, self)
            execution.perform(Operation("cancel", binding.write))
            state: model.Future = binding.model
            if state.state in (RUNNING, FINISHED):
                return False
            if state.state == PENDING:
                state.state = self._state = CANCELLED
                _call_back(self)
            return True

        return cancel_

    def begin(original: Any) -> Any:
        def set_running_or_notify_cancel(self: Any) -> bool:
            execution = control.current()
            if execution is None:
                return bool(original(self))
            binding = _bound(execution, self)
            execution.perform(Operation("run", binding.write))
            state: model.Future = binding.model
            if state.state == CANCELLED:
                state.state = self._state = CANCELLED_AND_NOTIFIED
                return False
            if state.state != PENDING:
                raise RuntimeError("Future in unexpected state")
            state.state = self._state = RUNNING
            return True

        return set_running_or_notify_cancel

    def look(name: str, answer: Callable[[model.Future], bool]) -> None:
        def make(original: Any) -> Any:
            def look_(self: Any) -> bool:
                execution = control.current()
                if execution is None:
                    return bool(original(self))
                binding = _bound(execution, self)
                execution.perform(Operation(f"{name}?", binding.read))
                return answer(binding.model)

            return look_

        patches.method(_Future, name, make)

    def add_done_callback(original: Any) -> Any:
        def add(self: Any, fn: Any) -> None:
            execution = control.current()
            if execution is None:
                original(self, fn)
                return
            binding = _bound(execution, self)
            execution.perform(Operation("add callback", binding.write))
            if not binding.model.done():
                self._done_callbacks.append(fn)
                return
            fn(self)

        return add

    for name, make in (
        ("__init__", init), ("result", result), ("exception", exception), ("set_result", set_result),
        ("set_exception", set_exception), ("cancel", cancel), ("set_running_or_notify_cancel", begin),
        ("add_done_callback", add_done_callback),
    ):  # fmt: skip
        patches.method(_Future, name, make)
    look("done", lambda m: m.done())
    look("running", lambda m: m.state == RUNNING)
    look("cancelled", lambda m: m.state in (CANCELLED, CANCELLED_AND_NOTIFIED))


class _Pool:
    """The state of a pool under control."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.backlog: deque[tuple[Any, Callable[[], Any]]] = deque()
        self.workers: list[Task] = []
        self.shut = False

    def initial(self) -> int:
        """How many workers it may have, for `search.gates`."""
        return self.size


def _pool_of(execution: Execution, executor: Any) -> Binding:
    return bound(execution, executor, "pool", lambda real: _Pool(real._max_workers))


def _work(execution: Execution, executor: Any, first: tuple[Any, Callable[[], Any]]) -> None:
    """The life of a pool worker."""
    binding = _pool_of(execution, executor)
    pool: _Pool = binding.model
    initializer = getattr(executor, "_initializer", None)
    if initializer is not None:
        initializer(*executor._initargs)
    item: tuple[Any, Callable[[], Any]] | None = first
    while item is not None:
        future, call = item
        if future.set_running_or_notify_cancel():
            try:
                result = call()
            except BaseException as error:
                if execution.dead:
                    raise
                future.set_exception(error)
            else:
                future.set_result(result)
        del future, call
        execution.perform(
            Operation("take work", binding.write, lambda: bool(pool.backlog) or pool.shut, idle=True)
        )  # fmt: skip
        item = pool.backlog.popleft() if pool.backlog else None


def _patch_executor(patches: Patches) -> None:
    def init(original: Any) -> Any:
        def __init__(self: Any, *args: Any, **kw: Any) -> None:
            execution = control.current()
            if execution is None:
                original(self, *args, **kw)
                return
            execution.quiet += 1
            try:
                original(self, *args, **kw)
            finally:
                execution.quiet -= 1
            bind(execution, self, "pool", _Pool(self._max_workers))
            prefix = kw.get("thread_name_prefix") or (args[1] if len(args) > 1 else "")
            assert execution.current is not None
            n = execution.current.count("pool name")
            self._thread_name_prefix = prefix or f"ThreadPoolExecutor-{n}"
            self._threads = {}  # the stdlib's is a set, whose order differs from run to run; pools iterate it to join

        return __init__

    def submit(original: Any) -> Any:
        def submit_(self: Any, fn: Any, /, *args: Any, **kw: Any) -> Any:
            execution = control.current()
            if execution is None:
                return original(self, fn, *args, **kw)
            binding = _pool_of(execution, self)
            pool: _Pool = binding.model
            future: Any = _Future()
            execution.perform(Operation("submit", binding.write, detail=getattr(fn, "__name__", "")))
            if pool.shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            item = (future, lambda: fn(*args, **kw))
            if len(pool.workers) < pool.size:
                name = f"{self._thread_name_prefix}_{len(pool.workers)}"
                thread = threading.Thread(name=name, daemon=False)
                pool.workers.append(
                    run_as_thread(execution, thread, lambda: _work(execution, self, item), daemon=False)
                )
                if isinstance(self._threads, dict):
                    self._threads[thread] = None
            else:
                pool.backlog.append(item)
            return future

        return submit_

    def shutdown(original: Any) -> Any:
        def shutdown_(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
            execution = control.current()
            if execution is None:
                original(self, wait, cancel_futures=cancel_futures)
                return
            binding = _pool_of(execution, self)
            pool: _Pool = binding.model
            execution.perform(Operation("shut down", binding.write))
            pool.shut = self._shutdown = True
            if cancel_futures:
                while pool.backlog:
                    pool.backlog.popleft()[0].cancel()
            if wait:
                for worker in pool.workers:
                    join_task(execution, worker)

        return shutdown_

    patches.method(ThreadPoolExecutor, "__init__", init)
    patches.method(ThreadPoolExecutor, "submit", submit)
    patches.method(ThreadPoolExecutor, "shutdown", shutdown)


_real_wait = concurrent.futures.wait
_real_as_completed = concurrent.futures.as_completed


def _await_futures(
    execution: Execution, futures: list[Any], enough: Callable[[], bool], timeout: float | None
) -> bool:
    accesses = tuple((_bound(execution, f).name, READ) for f in futures)
    return execution.perform(Operation("wait for futures", accesses, enough, deadline_of(execution, timeout)))


def wait_for(fs: Iterable[Any], timeout: float | None = None, return_when: str = "ALL_COMPLETED") -> Any:
    """As `concurrent.futures.wait`."""
    execution = control.current()
    if execution is None:
        return _real_wait(fs, timeout, return_when)
    futures = list(dict.fromkeys(fs))
    states = [(f, _bound(execution, f).model) for f in futures]

    def enough() -> bool:
        done = [f for f, m in states if m.done()]
        if return_when == "FIRST_COMPLETED" and done:
            return True
        if return_when == "FIRST_EXCEPTION" and any(f._exception is not None for f in done):
            return True
        return len(done) == len(futures)

    _await_futures(execution, futures, enough, timeout)
    done = {f for f, m in states if m.done()}
    return type(_real_wait([]))(done, set(futures) - done)


def as_completed(fs: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
    """As `concurrent.futures.as_completed`; of several that are done, in the order given."""
    execution = control.current()
    if execution is None:
        yield from _real_as_completed(fs, timeout)
        return
    left = list(dict.fromkeys(fs))
    total = len(left)
    end = None if timeout is None else execution.clock + timeout
    while left:
        rest = None if end is None else max(end - execution.clock, 0.0)
        states = [(f, _bound(execution, f).model) for f in left]
        if not _await_futures(execution, left, lambda states=states: any(m.done() for _, m in states), rest):
            raise FuturesTimeout(f"{len(left)} (of {total}) futures unfinished")
        for future, state in states:
            if state.done():
                left.remove(future)
                yield future


def install(patches: Patches) -> None:
    """Add futures and thread pools to ``patches``."""
    _patch_future(patches)
    _patch_executor(patches)
    patches.value(concurrent.futures.wait, wait_for)
    patches.value(concurrent.futures.as_completed, as_completed)


__all__ = ["WRITE", "install", "unread"]
