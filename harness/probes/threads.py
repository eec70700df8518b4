"""`threading.Thread` and who is who: every thread that a task starts is adopted as a task."""

from __future__ import annotations

import _thread
import _threading_local
import threading
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..runtime.execution import Execution
from ..runtime.task import Task
from ..trace import READ, WRITE, Operation
from .patching import Patches

_real_ident = _thread.get_ident
_real_current = threading.current_thread
_real_start = _thread.start_new_thread


def _resource(task: Task) -> str:
    return f"task {task.key}"


def ident_of(task: Task) -> int:
    """A thread identity that is the same in every execution."""
    ident = 1
    for part in task.path:
        ident = ident * 10_000 + part
    return ident


def run_as_thread(execution: Execution, thread: Any, run: Callable[[], object], daemon: bool) -> Task:
    """Start ``run`` as a task that ``thread`` stands for."""

    def body() -> None:
        try:
            run()
        except SystemExit:
            pass
        except Exception as error:
            execution.fail_with(task, error)
        execution.perform(Operation("end", ((_resource(task), WRITE),)))

    task = execution.spawn(thread.name, body, daemon)
    task.thread = thread
    thread.__dict__["_loadloom"] = task
    thread._ident = ident_of(task)
    return task


def join_task(execution: Execution, task: Task, timeout: float | None = None) -> bool:
    """Wait until ``task`` has ended; False if the time-out expired first."""
    deadline = None if timeout is None else execution.clock + max(timeout, 0.0)
    operation = Operation(
        "join", ((_resource(task), READ),), lambda: task.finished, deadline, lambda: (task,),
        detail=task.name,
    )  # fmt: skip
    return execution.perform(operation)


def current_thread() -> threading.Thread:
    """As `threading.current_thread`, per task."""
    execution = control.current()
    if execution is None or execution.current is None or not execution.current.path:
        return _real_current()
    thread = execution.current.thread
    return thread  # type: ignore[no-any-return]


def get_ident() -> int:
    """As `threading.get_ident`, per task."""
    execution = control.current()
    if execution is None or execution.current is None or not execution.current.path:
        return _real_ident()
    return ident_of(execution.current)


def active_threads() -> list[threading.Thread]:
    """As `threading.enumerate`, for the tasks of the execution."""
    execution = control.current()
    if execution is None:
        return _real_enumerate()
    own = [task.thread for task in execution.live if task.thread is not None]
    return [threading.main_thread(), *own]


_real_enumerate = threading.enumerate


def active_count() -> int:
    """As `threading.active_count`."""
    return len(active_threads())


def start_new_thread(function: Any, args: Any, *rest: Any) -> int:
    """As `_thread.start_new_thread`; a raw thread started by a task is not ours to control, and we say so."""
    execution = control.exploring()
    if execution is not None:
        execution.uncontrolled.append(f"a raw thread running {getattr(function, '__qualname__', function)!s}")
    return _real_start(function, args, *rest)


class _Quiet:
    """A real object's own set-up is no business of the execution."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution

    def __enter__(self) -> None:
        self.execution.quiet += 1

    def __exit__(self, *_: object) -> None:
        self.execution.quiet -= 1


def _patch_thread(patches: Patches) -> None:
    def init(original: Any) -> Any:
        def __init__(self: Any, group: Any = None, target: Any = None, name: Any = None, *args: Any, **kw: Any) -> None:
            execution = control.current()
            if execution is None:
                original(self, group, target, name, *args, **kw)
                return
            task = execution.current
            assert task is not None
            with _Quiet(execution):
                original(self, group, target, name, *args, **kw)
            if name is None:
                self._name = task.object_name("Thread").replace(" ", "-")
                if target is not None:
                    self._name += f" ({getattr(target, '__name__', 'target')})"
            if kw.get("daemon") is None:
                self._daemonic = task.daemon

        return __init__

    def start(original: Any) -> Any:
        def start_(self: Any) -> None:
            execution = control.current()
            if execution is None:
                original(self)
                return
            if not self._initialized:
                raise RuntimeError("thread.__init__() not called")
            with _Quiet(execution):
                if self._started.is_set():
                    raise RuntimeError("threads can only be started once")
                self._started.set()
            if execution.dead:
                return
            run_as_thread(execution, self, self.run, self._daemonic)

        return start_

    def join(original: Any) -> Any:
        def join_(self: Any, timeout: float | None = None) -> None:
            execution = control.current()
            task = self.__dict__.get("_loadloom")
            if execution is None or task is None or task not in execution.tasks:
                original(self, timeout)
                return
            if task is execution.current:
                raise RuntimeError("cannot join current thread")
            join_task(execution, task, timeout)

        return join_

    def is_alive(original: Any) -> Any:
        def is_alive_(self: Any) -> bool:
            execution = control.current()
            task = self.__dict__.get("_loadloom")
            if execution is None or task is None or task not in execution.tasks:
                return False if task is not None else bool(original(self))
            execution.perform(Operation("is alive?", ((_resource(task), READ),)))
            return not task.finished

        return is_alive_

    for name, make in (("__init__", init), ("start", start), ("join", join), ("is_alive", is_alive)):
        patches.method(threading.Thread, name, make)


def install(patches: Patches) -> None:
    """Add threads and identities to ``patches``."""
    _patch_thread(patches)
    patches.value(_real_ident, get_ident)
    patches.value(_real_current, current_thread)
    patches.value(_real_enumerate, active_threads)
    patches.value(threading.active_count, active_count)
    patches.value(threading.local, _threading_local.local)
    patches.value(_real_start, start_new_thread)
    joinable = getattr(_thread, "start_joinable_thread", None)
    if joinable is not None:
        patches.value(joinable, _watched(joinable))


def _watched(real: Any) -> Any:
    def start_joinable_thread(function: Any, *args: Any, **kw: Any) -> Any:
        execution = control.exploring()
        if execution is not None:
            execution.uncontrolled.append(f"a thread running {getattr(function, '__qualname__', function)!s}")
        return real(function, *args, **kw)

    return start_joinable_thread
