"""`threading.Lock`, `RLock`, `Condition`, `Semaphore`, `Event` and `Barrier` under control.

Outside of any task every one of them is the real thing.
"""

from __future__ import annotations

import threading
from _thread import allocate_lock as _real_lock
from typing import Any

from .. import model
from ..runtime import control
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Operation
from .binding import Binding, bind, bound, wait
from .patching import Patches

_real_rlock = threading.RLock


class ControlledLock:
    """The stdlib's `threading.Lock` shape over the model."""

    _reentrant = False
    _kind = "lock"

    def __new__(cls) -> Any:
        if control.current() is None:
            return _real_rlock() if cls._reentrant else _real_lock()
        return object.__new__(cls)

    def __init__(self) -> None:
        execution = control.current()
        assert execution is not None
        bind(execution, self, self._kind, model.Lock(self._reentrant))

    def _bound(self, execution: Execution) -> Binding:
        return bound(execution, self, self._kind, lambda _: model.Lock(self._reentrant))

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.Lock.acquire`."""
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        execution = control.current()
        if execution is None:
            return True  # a destructor, or a later execution's set-up: nobody else is there
        return self._take(execution, blocking, None if timeout == -1 else timeout)

    def _take(self, execution: Execution, blocking: bool, timeout: float | None) -> bool:
        binding = self._bound(execution)
        lock: model.Lock = binding.model
        task = execution.current
        if self._reentrant and lock.owner is task:
            lock.acquire(task)
            return True
        if not blocking:
            operation = Operation("try-acquire", binding.write, lock=True)
            execution.perform(operation)
            if not lock.free_for(task):
                operation.accesses = binding.read
                return False
        elif not wait(execution, "acquire", binding, lambda: lock.free_for(task), timeout, lock.holders, lock=True):
            return False
        lock.acquire(task)
        return True

    __enter__ = acquire

    def release(self) -> None:
        """As `threading.Lock.release`."""
        execution = control.current()
        if execution is None:
            return
        binding = self._bound(execution)
        lock: model.Lock = binding.model
        if self._reentrant:
            if lock.owner is not execution.current:
                raise RuntimeError("cannot release un-acquired lock")
            if lock.depth > 1:
                lock.release()
                return
        execution.perform(Operation("release", binding.write, lock=True))
        if lock.owner is None:
            raise RuntimeError("release unlocked lock")
        lock.release()

    def __exit__(self, *_: object) -> None:
        self.release()

    def locked(self) -> bool:
        """As `threading.Lock.locked`."""
        execution = control.current()
        if execution is None:
            return False
        binding = self._bound(execution)
        execution.perform(Operation("locked?", binding.read))
        return binding.model.owner is not None

    acquire_lock, release_lock, locked_lock = acquire, release, locked


class ControlledRLock(ControlledLock):
    """The stdlib's `threading.RLock` shape over the model."""

    _reentrant = True
    _kind = "rlock"

    def _is_owned(self) -> bool:
        execution = control.current()
        return execution is not None and self._bound(execution).model.owner is execution.current


class _Foreign:
    """A condition's lock that was made outside: stands in for it during one execution."""

    def __init__(self, lock: Any) -> None:
        self.real = lock


def _condition_lock(execution: Execution, condition: Any) -> Any:
    """The lock of a condition: ours as it is; a real one gets a stand-in that lives as long as the binding."""
    lock = condition._lock
    if isinstance(lock, ControlledLock):
        return lock
    stand_in = condition.__dict__.get("_loadloom_lock")
    if stand_in is None:
        cls = ControlledRLock if isinstance(lock, type(_real_rlock())) else ControlledLock
        stand_in = condition.__dict__["_loadloom_lock"] = object.__new__(cls)
    return stand_in


def _patch_condition(patches: Patches) -> None:
    def init(original: Any) -> Any:
        def __init__(self: Any, lock: Any = None) -> None:
            execution = control.current()
            if execution is not None and lock is None:
                lock = ControlledRLock()
            original(self, lock)
            if execution is not None:
                bind(execution, self, "condition", model.Condition())
                if not isinstance(lock, ControlledLock):
                    return
                self.acquire, self.release = lock.acquire, lock.release

        return __init__

    def binding_of(execution: Execution, self: Any) -> Binding:
        return bound(execution, self, "condition", lambda _: model.Condition())

    def owned(execution: Execution, self: Any) -> Any:
        lock = _condition_lock(execution, self)
        return lock, lock._bound(execution)

    def enter(original: Any) -> Any:
        def __enter__(self: Any) -> Any:
            execution = control.current()
            if execution is None:
                return original(self)
            return _condition_lock(execution, self).acquire()

        return __enter__

    def leave(original: Any) -> Any:
        def __exit__(self: Any, *args: Any) -> Any:
            execution = control.current()
            if execution is None:
                return original(self, *args)
            return _condition_lock(execution, self).release()

        return __exit__

    def do_wait(original: Any) -> Any:
        def wait_(self: Any, timeout: float | None = None) -> bool:
            execution = control.current()
            if execution is None:
                return bool(original(self, timeout))
            _, held = owned(execution, self)
            lock: model.Lock = held.model
            task = execution.current
            if lock.owner is not task:
                raise RuntimeError("cannot wait on un-acquired lock")
            binding = binding_of(execution, self)
            condition: model.Condition = binding.model
            execution.perform(Operation("wait", binding.write + held.write, lock=True))
            depth, lock.depth = lock.depth, 1
            lock.release()
            condition.wait(task)
            woken = wait(
                execution, "wake up", binding,
                lambda: condition.is_notified(task) and lock.free_for(task),
                None if timeout is None else max(timeout, 0.0), lock.holders, lock=True,
                accesses=binding.write + held.write,
            )  # fmt: skip
            condition.leave(task)
            if not woken:
                wait(execution, "acquire", held, lambda: lock.free_for(task), None, lock.holders, lock=True)
            lock.acquire(task)
            lock.depth = depth
            return woken

        return wait_

    def do_notify(original: Any) -> Any:
        def notify(self: Any, n: int = 1) -> None:
            execution = control.current()
            if execution is None:
                original(self, n)
                return
            if owned(execution, self)[1].model.owner is not execution.current:
                raise RuntimeError("cannot notify on un-acquired lock")
            binding = binding_of(execution, self)
            execution.perform(Operation("notify", binding.write))
            binding.model.notify(n)

        return notify

    def do_notify_all(original: Any) -> Any:
        def notify_all(self: Any) -> None:
            execution = control.current()
            waiting = self._waiters if execution is None else binding_of(execution, self).model.waiters
            self.notify(len(waiting))

        return notify_all

    def wait_for(original: Any) -> Any:
        def wait_for_(self: Any, predicate: Any, timeout: float | None = None) -> Any:
            execution = control.current()
            if execution is None:
                return original(self, predicate, timeout)
            end = None if timeout is None else execution.clock + timeout
            result = predicate()
            while not result:
                left = None if end is None else end - execution.clock
                if left is not None and left <= 0:
                    break
                self.wait(left)
                result = predicate()
            return result

        return wait_for_

    for name, make in (
        ("__init__", init), ("__enter__", enter), ("__exit__", leave), ("wait", do_wait), ("notify", do_notify),
        ("notify_all", do_notify_all), ("wait_for", wait_for),
    ):  # fmt: skip
        patches.method(threading.Condition, name, make)


def _adopt_semaphore(real: Any) -> model.Semaphore:
    return model.Semaphore(real._value, getattr(real, "_initial_value", None))


def _patch_semaphore(patches: Patches) -> None:
    def init(original: Any) -> Any:
        def __init__(self: Any, value: int = 1) -> None:
            execution = control.current()
            if execution is None:
                original(self, value)
                return
            execution.quiet += 1
            try:
                original(self, value)
            finally:
                execution.quiet -= 1
            bind(execution, self, "semaphore", _adopt_semaphore(self))

        return __init__

    def acquire(original: Any) -> Any:
        def acquire_(self: Any, blocking: bool = True, timeout: float | None = None) -> bool:
            execution = control.current()
            if execution is None:
                return bool(original(self, blocking, timeout))
            if not blocking and timeout is not None:
                raise ValueError("can't specify timeout for non-blocking acquire")
            binding = bound(execution, self, "semaphore", _adopt_semaphore)
            semaphore: model.Semaphore = binding.model
            if not blocking or (timeout is not None and timeout <= 0):
                operation = Operation("try-acquire", binding.write, lock=True)
                execution.perform(operation)
                if not semaphore.available():
                    operation.accesses = binding.read
                    return False
            elif not wait(execution, "acquire", binding, semaphore.available, timeout, lock=True):
                return False
            semaphore.value -= 1
            return True

        return acquire_

    def release(original: Any) -> Any:
        def release_(self: Any, n: int = 1) -> None:
            execution = control.current()
            if execution is None:
                original(self, n)
                return
            if n < 1:
                raise ValueError("n must be one or more")
            binding = bound(execution, self, "semaphore", _adopt_semaphore)
            execution.perform(Operation("release", binding.write, lock=True))
            if not binding.model.can_release(n):
                raise ValueError("Semaphore released too many times")
            binding.model.value += n

        return release_

    patches.method(threading.Semaphore, "__init__", init)
    patches.method(threading.Semaphore, "acquire", acquire)
    patches.method(threading.Semaphore, "__enter__", acquire)
    patches.method(threading.Semaphore, "release", release)
    patches.method(threading.BoundedSemaphore, "release", release)


def _patch_bounded_init(patches: Patches) -> None:
    def init(original: Any) -> Any:
        def __init__(self: Any, value: int = 1) -> None:
            original(self, value)
            execution = control.current()
            if execution is not None:
                bound(execution, self, "semaphore", _adopt_semaphore).model.limit = value

        return __init__

    patches.method(threading.BoundedSemaphore, "__init__", init)


def _patch_event(patches: Patches) -> None:
    def adopt(real: Any) -> model.Event:
        return model.Event(real._flag)

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
            bind(execution, self, "event", model.Event())

        return __init__

    def is_set(original: Any) -> Any:
        def is_set_(self: Any) -> bool:
            execution = control.current()
            if execution is None:
                return bool(original(self))
            binding = bound(execution, self, "event", adopt)
            execution.perform(Operation("is set?", binding.read))
            return binding.model.is_set()

        return is_set_

    def change(flag: bool, kind: str) -> Any:
        def make(original: Any) -> Any:
            def set_(self: Any) -> None:
                execution = control.current()
                if execution is None:
                    original(self)
                    return
                binding = bound(execution, self, "event", adopt)
                execution.perform(Operation(kind, binding.write))
                binding.model.flag = flag

            return set_

        return make

    def do_wait(original: Any) -> Any:
        def wait_(self: Any, timeout: float | None = None) -> bool:
            execution = control.current()
            if execution is None:
                return bool(original(self, timeout))
            binding = bound(execution, self, "event", adopt)
            if timeout is not None and timeout <= 0:
                execution.perform(Operation("is set?", binding.read))
                return binding.model.is_set()
            return wait(execution, "wait", binding, binding.model.is_set, timeout, accesses=binding.read)

        return wait_

    patches.method(threading.Event, "__init__", init)
    patches.method(threading.Event, "is_set", is_set)
    patches.method(threading.Event, "isSet", is_set)
    patches.method(threading.Event, "set", change(True, "set"))
    patches.method(threading.Event, "clear", change(False, "clear"))
    patches.method(threading.Event, "wait", do_wait)


def _patch_barrier(patches: Patches) -> None:
    def adopt(real: Any) -> model.Barrier:
        return model.Barrier(real._parties)

    def init(original: Any) -> Any:
        def __init__(self: Any, parties: int, action: Any = None, timeout: float | None = None) -> None:
            execution = control.current()
            if execution is None:
                original(self, parties, action, timeout)
                return
            execution.quiet += 1
            try:
                original(self, parties, action, timeout)
            finally:
                execution.quiet -= 1
            bind(execution, self, "barrier", model.Barrier(parties))

        return __init__

    def do_wait(original: Any) -> Any:
        def wait_(self: Any, timeout: float | None = None) -> int:
            execution = control.current()
            if execution is None:
                return int(original(self, timeout))
            if timeout is None:
                timeout = self._timeout
            binding = bound(execution, self, "barrier", adopt)
            barrier: model.Barrier = binding.model
            wait(execution, "arrive", binding, barrier.open_for_arrivals, None)
            if barrier.broken():
                raise threading.BrokenBarrierError
            index = barrier.arrive()
            if index + 1 == barrier.parties:
                try:
                    if self._action:
                        self._action()
                except BaseException:
                    barrier.state = model.barrier.BROKEN
                    barrier.leave()
                    raise
                barrier.release()
                barrier.leave()
                return index
            passed = wait(execution, "pass", binding, barrier.may_pass, timeout)
            if not passed:
                barrier.state = model.barrier.BROKEN
            gone = barrier.state in (model.barrier.BROKEN, model.barrier.RESETTING)
            barrier.leave()
            if gone:
                raise threading.BrokenBarrierError
            return index

        return wait_

    def change(kind: str) -> Any:
        def make(original: Any) -> Any:
            def act(self: Any) -> None:
                execution = control.current()
                if execution is None:
                    original(self)
                    return
                binding = bound(execution, self, "barrier", adopt)
                execution.perform(Operation(kind, binding.write))
                if kind == "abort":
                    binding.model.state = model.barrier.BROKEN
                else:
                    binding.model.reset()

            return act

        return make

    def look(name: str, value: Any) -> None:
        original = threading.Barrier.__dict__[name]

        def get(self: Any) -> Any:
            execution = control.current()
            if execution is None:
                return original.fget(self)
            binding = bound(execution, self, "barrier", adopt)
            execution.perform(Operation(name, binding.read))
            return value(binding.model)

        patches.method(threading.Barrier, name, lambda _: property(get))

    patches.method(threading.Barrier, "__init__", init)
    patches.method(threading.Barrier, "wait", do_wait)
    patches.method(threading.Barrier, "reset", change("reset"))
    patches.method(threading.Barrier, "abort", change("abort"))
    look("n_waiting", lambda m: m.count if m.state == model.barrier.FILLING else 0)
    look("broken", lambda m: m.broken())


def install(patches: Patches) -> None:
    """Add the lock-like primitives to ``patches``."""
    patches.value(threading.Lock, ControlledLock)
    patches.value(_real_lock, ControlledLock)
    patches.value(threading.RLock, ControlledRLock)
    _patch_condition(patches)
    _patch_semaphore(patches)
    _patch_bounded_init(patches)
    _patch_event(patches)
    _patch_barrier(patches)


__all__ = ["READ", "WRITE", "ControlledLock", "ControlledRLock", "install"]
