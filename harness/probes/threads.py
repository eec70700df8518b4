"""`threading.Thread` and who is who: every thread that a task starts is adopted as a task."""

from __future__ import annotations

import _thread
import sys
import threading
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ..errors import Abandoned
from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..runtime.task import Task
from ..trace import ADD, READ, WRITE, Operation
from .binding import SLOT, steer
from .patching import Patches

_real_ident = _thread.get_ident
_real_native = _thread.get_native_id
_real_current = threading.current_thread
_real_enumerate = threading.enumerate
_real_start = _thread.start_new_thread

HASH = "_loadloom_hash"
_ROLL = "threads"
"""The resource of which threads there are: starts and ends of threads commute, but not with looking."""
_hook_before: Any = None  # `threading.excepthook` when the exploration began
_system_hook_before: Any = None  # and `sys.excepthook`


_before_first: list[Callable[[Execution], None]] = []


def before_first(patches: Patches, act: Callable[[Execution], None]) -> None:
    """Call ``act`` in each execution just before its first thread is started."""

    def begin(patches: Patches) -> None:
        if act not in _before_first:
            _before_first.append(act)
            patches.later(lambda: _before_first.remove(act))

    patches.on_apply(begin)


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
        except Abandoned:
            raise
        except BaseException as error:
            if execution.dead:
                raise
            _uncaught(execution, task, error)
        execution.perform(Operation("end", ((_resource(task), WRITE), (_ROLL, ADD))))
        _stop(thread)

    if len(execution.tasks) == 1:
        for act in _before_first:
            act(execution)
    task = execution.spawn(thread.name, body, daemon)
    execution.steps[-1].accesses += ((_ROLL, ADD),)  # starting it is part of this step
    task.thread = thread
    thread.__dict__[SLOT] = task
    thread._ident = thread._native_id = ident_of(task)
    return task


def _uncaught(execution: Execution, task: Task, error: BaseException) -> None:
    """As the stdlib does, ask the program's own hook if it has set one; otherwise it is a finding, but for an exit."""
    hook = threading.excepthook
    if hook is _hook_before:
        if not isinstance(error, SystemExit):
            execution.fail_with(task, error)
        return
    try:
        hook(threading.ExceptHookArgs((type(error), error, error.__traceback__, task.thread)))
    except Abandoned:
        raise
    except BaseException as second:
        if sys.excepthook is _system_hook_before:
            execution.fail_with(task, second)
        else:
            sys.excepthook(type(second), second, second.__traceback__)


def _stop(thread: Any) -> None:
    """Make a thread look as ended to the code of the stdlib."""
    if hasattr(thread, "_handle"):  # Python 3.13
        thread._handle = SimpleNamespace(ident=thread._ident, is_done=lambda: True, join=lambda timeout=None: None)
    else:
        thread._is_stopped = True


def join_task(execution: Execution, task: Task, timeout: float | None = None) -> bool:
    """Wait until ``task`` has ended; False if the time-out expired first."""
    accesses = ((_resource(task), READ),)
    if timeout is not None and timeout <= 0:
        execution.perform(Operation("is alive?", accesses))
        return task.finished
    deadline = None if timeout is None else execution.clock + timeout
    operation = Operation("join", accesses, lambda: task.finished, deadline, lambda: (task,), detail=task.name)
    return execution.perform(operation)


def _own_task() -> Task | None:
    """The task that runs here, unless it is the main one, which is the thread that it really runs in."""
    execution = control.current()
    if execution is None or execution.current is None or not execution.current.path:
        return None
    return execution.current


def current_thread() -> threading.Thread:
    """As `threading.current_thread`, per task."""
    task = _own_task()
    return _real_current() if task is None else task.thread


def get_ident() -> int:
    """As `threading.get_ident`, per task."""
    task = _own_task()
    return _real_ident() if task is None else ident_of(task)


def get_native_id() -> int:
    """As `threading.get_native_id`, per task."""
    task = _own_task()
    return _real_native() if task is None else ident_of(task)


def active_threads() -> list[threading.Thread]:
    """As `threading.enumerate`, for the tasks of the execution."""
    execution = control.current()
    if execution is None:
        return _real_enumerate()
    execution.perform(Operation("enumerate", ((_ROLL, READ),)))
    main = threading._active.get(_real_ident(), threading.main_thread())  # type: ignore[attr-defined]
    return [main, *(task.thread for task in execution.live if task.thread is not None)]


def active_count() -> int:
    """As `threading.active_count`."""
    return len(active_threads())


def start_new_thread(function: Any, args: Any, kwargs: Any = None, /) -> int:
    """As `_thread.start_new_thread`: a raw thread is a task like any other."""
    execution = control.current()
    if execution is None:
        _note_uncontrolled(function)
        return _real_start(function, args, *(() if kwargs is None else (kwargs,)))
    _check_raw(function, args, kwargs)
    thread: Any = threading.Thread(target=function, args=args, kwargs=kwargs or {}, daemon=True)
    thread._name = f"Dummy-{thread.name.partition(' ')[0].partition('-')[2]}"
    thread.__class__ = threading._DummyThread
    thread.start()
    return int(thread.ident or 0)


def _check_raw(function: Any, args: Any, kwargs: Any) -> None:
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("optional 3rd arg must be a dictionary")


def _note_uncontrolled(function: Any) -> None:
    """A real thread is being started. Where a task does that, as part of another step, we do not control it."""
    execution = control.exploring()
    name = getattr(function, "__qualname__", type(function).__name__)
    inside = execution is not None and execution.current is not None and control.outside() is None
    if execution is not None and inside and name != "Thread._bootstrap":  # noted when it was started
        execution.uncontrolled.append(f"a thread running {name}")


def _watched(real: Any) -> Any:
    def start_joinable_thread(function: Any, *args: Any, **kw: Any) -> Any:
        _note_uncontrolled(function)
        return real(function, *args, **kw)

    return start_joinable_thread


class _Started:
    """Stands for the event inside of a thread: asking whether it was started is no step of the program."""

    def __init__(self) -> None:
        self._flag = False

    def is_set(self) -> bool:
        """Whether the thread was started."""
        return self._flag

    def set(self) -> None:
        """It was."""
        self._flag = True

    def _at_fork_reinit(self) -> None:
        """Nothing to do."""


def _repr(original: Any) -> Any:
    """The text of a thread: looking at one is no step."""

    def act(execution: Execution, self: Any) -> str:
        task = _task_of(execution, self)
        if task is None:
            with quiet(execution):
                return str(original(self))
        daemon = " daemon" if self._daemonic else ""
        status = "stopped" if task.finished else "started"
        return f"<{type(self).__name__}({self._name}, {status}{daemon} {self._ident})>"

    return act


def _init(original: Any) -> Any:
    def act(
        execution: Execution, self: Any, group: Any = None, target: Any = None, name: Any = None, args: Any = (),
        kwargs: Any = None, *, daemon: Any = None, **more: Any,
    ) -> None:  # fmt: skip
        task = execution.current
        assert task is not None
        with quiet(execution):
            original(self, group, target, name, args, kwargs, daemon=daemon, **more)
        self._started = _Started()
        own = task.object_name("Thread").replace(" ", "-")
        self.__dict__[HASH] = zlib.crc32(own.encode())
        if name is None:
            self._name = own if target is None else f"{own} ({getattr(target, '__name__', type(target).__name__)})"
        if daemon is None:
            self._daemonic = task.daemon

    return act


def _start(execution: Execution, self: Any) -> None:
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    if execution.dead:
        return
    if self._started.is_set():
        raise RuntimeError("threads can only be started once")
    self._started.set()
    run_as_thread(execution, self, self.run, self._daemonic)


def _starter(original: Any) -> Any:
    def start(self: Any) -> None:
        execution = control.current()
        if execution is not None:
            _start(execution, self)
            return
        _note_uncontrolled(self._target or type(self).run)
        if type(self._started) is _Started:  # made by a task, and to be a real one now
            self._started = threading.Event()
        original(self)

    return start


def _task_of(execution: Execution, thread: Any) -> Task | None:
    task = thread.__dict__.get(SLOT)
    return task if isinstance(task, Task) and task in execution.tasks else None


def _join(original: Any) -> Any:
    def act(execution: Execution, self: Any, timeout: float | None = None) -> None:
        task = _task_of(execution, self)
        if task is execution.current:
            raise RuntimeError("cannot join current thread")
        if task is not None:
            join_task(execution, task, timeout)
            return
        with quiet(execution):
            original(self, timeout)

    return act


def _is_alive(original: Any) -> Any:
    def act(execution: Execution, self: Any) -> bool:
        task = _task_of(execution, self)
        if task is None:
            with quiet(execution):
                return bool(original(self))
        execution.perform(Operation("is alive?", ((_resource(task), READ),)))
        return not task.finished

    return act


def stable_hash(self: Any) -> int:
    """For sets of them: the same order in every execution."""
    found = self.__dict__.get(HASH)
    return object.__hash__(self) if found is None else int(found)


def _remember_hook(_: Patches) -> None:
    global _hook_before, _system_hook_before
    _hook_before, _system_hook_before = threading.excepthook, sys.excepthook


def install(patches: Patches) -> None:
    """Add threads and identities to ``patches``."""
    patches.on_apply(_remember_hook)
    thread: Any = threading.Thread
    steer(patches, thread, "__init__", _init(thread.__init__))
    patches.method(thread, "start", _starter)
    steer(patches, thread, "join", _join(thread.join))
    steer(patches, thread, "is_alive", _is_alive(thread.is_alive))
    steer(patches, thread, "__repr__", _repr(thread.__repr__))
    patches.attribute(thread, "__hash__", stable_hash)
    patches.value(_real_ident, get_ident)
    patches.value(_real_native, get_native_id)
    patches.value(_real_current, current_thread)
    patches.value(_real_enumerate, active_threads)
    patches.value(threading.active_count, active_count)
    for name in ("start_new_thread", "start_new"):
        patches.value(getattr(_thread, name), start_new_thread)
    joinable = getattr(_thread, "start_joinable_thread", None)
    if joinable is not None:
        patches.value(joinable, _watched(joinable))
