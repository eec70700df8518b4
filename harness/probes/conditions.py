"""`threading.Condition` under control, whichever lock it was made with."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from .. import model
from ..runtime import control
from ..runtime.execution import Execution
from ..trace import Operation
from . import locks
from .binding import Binding, Kind, steer, wait
from .locks import AnyLock, ControlledLock, ControlledRLock
from .patching import Patches

CONDITION = Kind("condition", lambda _: model.Condition())
STAND_IN = "_loadloom_lock"


def _lock_of(patches: Patches, condition: Any) -> AnyLock:
    """The lock of a condition: a controlled one as it is; the stand-in of a real one, which others may share."""
    lock = condition._lock
    if isinstance(lock, AnyLock):
        return lock
    stand_in: AnyLock | None = condition.__dict__.get(STAND_IN) or patches.stand_in_of(lock)
    if stand_in is None:
        cls = ControlledRLock if isinstance(lock, locks.REAL_RLOCK) else ControlledLock
        name = f"{cls._kind.name} of {CONDITION.name_of(condition)}"
        stand_in = condition.__dict__[STAND_IN] = cls.standing_for(lock, name)
    return stand_in


class _LockMethod:
    """``Condition.acquire`` and ``release``: instance attributes bound to the real lock, unless a task asks."""

    def __init__(self, patches: Patches, name: str) -> None:
        self.patches = patches
        self.name = name

    def __get__(self, condition: Any, owner: Any = None) -> Any:
        if condition is None:
            raise AttributeError(self.name)
        if control.current() is not None:
            return getattr(_lock_of(self.patches, condition), self.name)
        try:
            return condition.__dict__[self.name]
        except KeyError:
            raise AttributeError(self.name) from None

    def __set__(self, condition: Any, value: Any) -> None:
        condition.__dict__[self.name] = value

    def __delete__(self, condition: Any) -> None:
        del condition.__dict__[self.name]


def install(patches: Patches) -> None:
    """Add conditions to ``patches``."""

    def held(execution: Execution, condition: Any, doing: str) -> Binding:
        """The binding of the condition's lock, which has to be held. Whoever asks of a plain lock cannot tell whose."""
        binding = locks.binding_of(execution, _lock_of(patches, condition))
        lock: model.Lock = binding.model
        if lock.owner is not execution.current:
            if not lock.reentrant:
                execution.perform(Operation("locked?", binding.read))
            if lock.reentrant or lock.owner is None:
                raise RuntimeError(f"cannot {doing} on un-acquired lock")
        return binding

    def wait_(execution: Execution, self: Any, timeout: float | None = None) -> bool:
        of_lock = held(execution, self, "wait")
        lock: model.Lock = of_lock.model
        task = execution.current
        binding = CONDITION.of(execution, self)
        condition: model.Condition = binding.model
        both = binding.write + of_lock.write
        execution.perform(Operation("wait", both, lock=True))
        depth = lock.give_up()
        condition.wait(task)
        woken = wait(
            execution, "wake up", binding,
            lambda: condition.is_notified(task) and lock.free_for(task),
            timeout, lock.holders, lock=True, accesses=both,
        )  # fmt: skip
        if not woken:
            # it still stands in the queue until it has the lock again: a notify meanwhile may hit it, and is lost
            wait(execution, "acquire", of_lock, lambda: lock.free_for(task), None, lock.holders, True, of_lock.write
                 + binding.write)  # fmt: skip
        condition.leave(task)
        lock.take_back(task, depth)
        return woken

    def notify(execution: Execution, self: Any, n: int = 1) -> None:
        held(execution, self, "notify")
        binding = CONDITION.of(execution, self)
        operation = Operation("notify", binding.write)
        operation.amount = n
        execution.perform(operation)
        binding.model.notify(n)

    def notify_all(execution: Execution, self: Any) -> None:
        self.notify(sys.maxsize)

    def wait_for(
        execution: Execution, self: Any, predicate: Callable[[], Any], timeout: float | None = None
    ) -> Any:
        end = None if timeout is None else execution.clock + timeout
        first = True
        result = predicate()
        while not result:
            left = None if end is None else end - execution.clock
            if left is not None and left <= 0 and not first:
                break
            first = False
            self.wait(left)
            result = predicate()
        return result

    def enter(execution: Execution, self: Any) -> Any:
        return _lock_of(patches, self).__enter__()

    def leave(execution: Execution, self: Any, *_: object) -> None:
        _lock_of(patches, self).release()

    def init(original: Any) -> Any:
        def __init__(self: Any, lock: Any = None) -> None:
            execution = control.current()
            if execution is not None and lock is None:
                lock = ControlledRLock()
            original(self, lock)
            if execution is not None:
                CONDITION.bind(execution, self)

        return __init__

    owner = threading.Condition
    patches.name_objects(owner, CONDITION.name)
    patches.method(owner, "__init__", init)
    for name, act in (
        ("__enter__", enter), ("__exit__", leave), ("wait", wait_), ("notify", notify), ("notify_all", notify_all),
        ("wait_for", wait_for),
    ):  # fmt: skip
        steer(patches, owner, name, act)
    for name in ("acquire", "release"):
        patches.attribute(owner, name, _LockMethod(patches, name))
