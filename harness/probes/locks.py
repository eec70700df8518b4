"""`threading.Lock` and `RLock` under control. Outside of any task they are the real thing."""

from __future__ import annotations

import _thread
import sys
import threading
from typing import Any

from .. import model
from ..runtime import control
from ..runtime.execution import Execution
from ..trace import Operation
from .binding import NAME, SLOT, Binding, Kind, intruded, wait
from .patching import Patches

_real_lock = _thread.allocate_lock
_real_rlock = _thread.RLock
REAL_LOCK: Any = _thread.LockType
REAL_RLOCK: Any = type(_real_rlock())

LOCK = Kind("lock", lambda _: model.Lock())
RLOCK = Kind("rlock", lambda _: model.Lock(reentrant=True))


class AnyLock:
    """What locks have in common. One that stands for a lock made before we came keeps it, for code outside of tasks."""

    _kind: Kind
    _real: Any = None

    def __new__(cls) -> Any:  # noqa: D102 - not public
        if control.current() is None:
            return _real_lock()
        return object.__new__(cls)

    def __init__(self) -> None:
        execution = control.current()
        assert execution is not None
        self._kind.bind(execution, self)

    @classmethod
    def standing_for(cls, real: Any, name: str) -> Any:
        """A controlled lock in the place of a real one that nobody holds."""
        lock = object.__new__(cls)
        lock._real = real
        lock.__dict__[NAME] = name
        return lock

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.Lock.acquire`."""
        execution = control.current()
        if execution is None:
            return bool(self._outside("acquire", blocking, timeout))
        if timeout != -1 and not (blocking and type(timeout) in (int, float) and 0 <= timeout <= _thread.TIMEOUT_MAX):
            _real_lock().acquire(blocking, timeout)  # raises, in the words of this Python
        return self._take(execution, None if blocking and timeout == -1 else timeout if blocking else 0)

    def _take(self, execution: Execution, timeout: float | None) -> bool:
        binding = self._kind.of(execution, self)
        lock: model.Lock = binding.model
        task = execution.current
        if lock.owner is task and lock.reentrant:
            lock.acquire(task)
            return True
        if not wait(execution, "acquire", binding, lambda: lock.free_for(task), timeout, lock.holders, lock=True):
            return False
        lock.acquire(task)
        return True

    __enter__ = acquire

    def release(self) -> None:
        """As `threading.Lock.release`."""
        execution = control.current()
        if execution is None:
            self._outside("release")
            return
        binding = self._kind.of(execution, self)
        lock: model.Lock = binding.model
        if lock.reentrant:
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

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """For `isinstance`: what it stands for."""
        return REAL_RLOCK if self._kind is RLOCK else REAL_LOCK

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            setattr(_real_rlock() if self._kind is RLOCK else _real_lock(), name, value)  # raises
        object.__setattr__(self, name, value)

    def __reduce_ex__(self, _: Any) -> Any:
        raise TypeError(f"cannot pickle {self.__class__.__name__!r} object")

    def __repr__(self) -> str:
        return f"<loadloom {self.__dict__.get(NAME) or getattr(self.__dict__.get(SLOT), 'name', 'lock')}>"

    def _locked(self) -> bool:
        """As `threading.Lock.locked`."""
        execution = control.current()
        if execution is None:
            return bool(self._outside("locked"))
        binding = self._kind.of(execution, self)
        execution.perform(Operation("locked?", binding.read))
        return binding.model.owner is not None

    def _at_fork_reinit(self) -> None:
        execution = control.current()
        if execution is None:
            self._outside("_at_fork_reinit")
            return
        binding = self._kind.of(execution, self)
        execution.perform(Operation("release", binding.write, lock=True))
        binding.model.forget()

    def _outside(self, name: str, *args: Any) -> Any:
        """Outside of any task: what it stands for; one made by a task is held by nobody any more."""
        intruded(self)
        if self._real is not None:
            return getattr(self._real, name)(*args)
        return name == "acquire"


class ControlledLock(AnyLock):
    """The shape of `threading.Lock` over the model."""

    _kind = LOCK

    locked = AnyLock._locked
    acquire_lock, release_lock, locked_lock = AnyLock.acquire, AnyLock.release, AnyLock._locked


class ControlledRLock(AnyLock):
    """The shape of `threading.RLock` over the model."""

    _kind = RLOCK

    def __new__(cls, *args: Any, **kw: Any) -> Any:  # noqa: D102 - not public
        if control.current() is None:
            return _real_rlock(*args, **kw)
        if args or kw:
            _real_rlock(*args, **kw)  # some versions take any argument, and ignore it
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    if sys.version_info >= (3, 14):
        locked = AnyLock._locked

    def _is_owned(self) -> bool:
        return self._recursion_count() > 0

    def _recursion_count(self) -> int:
        execution = control.current()
        if execution is None:
            return 0
        lock: model.Lock = self._kind.of(execution, self).model
        return lock.depth if lock.owner is execution.current else 0

    def _release_save(self) -> Any:
        """What `threading.Condition` calls, and conditions written after it: give it up however often it is held."""
        depth = self._recursion_count()
        if not depth:
            raise RuntimeError("cannot release un-acquired lock")
        for _ in range(depth):
            self.release()
        return depth

    def _acquire_restore(self, depth: Any) -> None:
        for _ in range(depth):
            self.acquire()


def binding_of(execution: Execution, lock: AnyLock) -> Binding:
    """The binding of a controlled lock."""
    return lock._kind.of(execution, lock)


def _is_free(real: Any) -> bool:
    """Whether nobody holds a real lock."""
    if type(real) is REAL_RLOCK and real._is_owned():
        return False
    if not real.acquire(blocking=False):
        return False
    real.release()
    return True


def _replace(real: Any, name: str) -> Any:
    cls = ControlledRLock if isinstance(real, REAL_RLOCK) else ControlledLock
    return cls.standing_for(real, f"{cls._kind.name} {name}") if _is_free(real) else None


def install(patches: Patches) -> None:
    """Add locks to ``patches``."""
    for real in {threading.Lock, _real_lock, getattr(_thread, "lock", _real_lock)}:
        patches.value(real, ControlledLock)
    patches.value(threading.RLock, ControlledRLock)
    patches.value(_real_rlock, ControlledRLock)
    for kind in (REAL_LOCK, REAL_RLOCK):
        patches.objects(kind, _replace)
