"""`concurrent.futures.ThreadPoolExecutor` under control.

A pool starts a new worker for each submission until it has as many as it may; the worker takes that submission first.
Later ones wait in a backlog for which free workers compete. The stdlib may also reuse an idle worker; which of them
is idle depends on timing alone, and what can be told apart by it (thread names, thread locals) is little.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.thread import BrokenThreadPool
from typing import Any

from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..runtime.task import Task
from ..trace import Operation
from .binding import Kind, steer
from .patching import Patches
from .threads import join_task, run_as_thread

_BROKEN = "A thread initializer failed, the thread pool is not usable anymore"

Item = tuple[Any, Callable[[], Any]]  # a future, and what to call for its result


class Pool:
    """The state of a pool under control."""

    def __init__(self, size: int, shut: bool = False) -> None:
        self.size = size
        self.backlog: deque[Item] = deque()
        self.workers: list[Task] = []
        self.shut = shut
        self.broken = False

    def initial(self) -> int:
        """How many workers it may have, for `search.gates`."""
        return self.size

    def may_go_on(self) -> bool:
        """Whether a worker has something to do: work, or to end."""
        return bool(self.backlog) or self.shut or self.broken


POOL = Kind("pool", lambda real: Pool(real._max_workers, real._shutdown))


def _work(execution: Execution, executor: Any, first: Item) -> None:
    """The life of a pool worker."""
    binding = POOL.of(execution, executor)
    pool: Pool = binding.model
    if getattr(executor, "_initializer", None) is not None and not _initialize(execution, executor, pool, first):
        return
    item: Item | None = first
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
        execution.perform(Operation("take work", binding.write, pool.may_go_on, idle=True))
        item = pool.backlog.popleft() if pool.backlog and not pool.broken else None


def _initialize(execution: Execution, executor: Any, pool: Pool, first: Item) -> bool:
    """Run the pool's initializer. Where it fails, all that was submitted fails with it."""
    try:
        executor._initializer(*executor._initargs)
    except BaseException:
        if execution.dead:
            raise
        execution.perform(Operation("break", POOL.of(execution, executor).write))
        pool.broken = True
        for future, _ in (first, *pool.backlog):
            future.set_exception(BrokenThreadPool(_BROKEN))
        pool.backlog.clear()
        return False
    return True


def _init(original: Any) -> Any:
    def act(execution: Execution, self: Any, *args: Any, **kw: Any) -> None:
        with quiet(execution):
            original(self, *args, **kw)
        if not (kw.get("thread_name_prefix") or (len(args) > 1 and args[1])):
            assert execution.current is not None
            self._thread_name_prefix = f"ThreadPoolExecutor-{execution.current.count('pool name')}"
        POOL.bind(execution, self)
        self._threads = []  # a set in the stdlib; subclasses join them one by one, and that is to be in one order
        self._initializer, self._initargs = _initializer_of(self, args, kw)

    return act


def _initializer_of(executor: Any, args: tuple[Any, ...], kw: dict[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    """What a pool's workers run first. Python 3.14 keeps it elsewhere than the versions before."""
    given = dict(zip(("max_workers", "thread_name_prefix", "initializer", "initargs"), args), **kw)
    return given.get("initializer"), tuple(given.get("initargs", ()))


def _submit(execution: Execution, self: Any, fn: Any, /, *args: Any, **kw: Any) -> Any:
    binding = POOL.of(execution, self)
    pool: Pool = binding.model
    future: Any = Future()
    execution.perform(Operation("submit", binding.write, detail=getattr(fn, "__name__", "")))
    if pool.broken:
        raise BrokenThreadPool(_BROKEN)
    if pool.shut:
        raise RuntimeError("cannot schedule new futures after shutdown")
    item = (future, lambda: fn(*args, **kw))
    if len(pool.workers) < pool.size:
        thread = threading.Thread(name=f"{self._thread_name_prefix or 'ThreadPoolExecutor'}_{len(pool.workers)}")
        self._threads = [*self._threads, thread]
        pool.workers.append(run_as_thread(execution, thread, lambda: _work(execution, self, item), daemon=False))
    else:
        pool.backlog.append(item)
    return future


def _shutdown(execution: Execution, self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
    binding = POOL.of(execution, self)
    pool: Pool = binding.model
    execution.perform(Operation("shut down", binding.write))
    pool.shut = True
    if cancel_futures:
        while pool.backlog:
            pool.backlog.popleft()[0].cancel()
    if wait:
        for worker in pool.workers:
            join_task(execution, worker)


def install(patches: Patches) -> None:
    """Add thread pools to ``patches``."""
    owner: Any = ThreadPoolExecutor
    steer(patches, owner, "__init__", _init(owner.__init__))
    steer(patches, owner, "submit", _submit)
    steer(patches, owner, "shutdown", _shutdown)
    patches.name_objects(owner, POOL.name)
