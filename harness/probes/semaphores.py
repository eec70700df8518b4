"""`threading.Semaphore` and `BoundedSemaphore` under control."""

from __future__ import annotations

import threading
from typing import Any

from .. import model
from ..runtime.execution import Execution
from ..trace import Operation
from .binding import Kind, steer, wait
from .patching import Patches

SEMAPHORE = Kind("semaphore", lambda real: model.Semaphore(real._value, getattr(real, "_initial_value", None)))


def _acquire(execution: Execution, self: Any, blocking: bool = True, timeout: float | None = None) -> bool:
    if not blocking and timeout is not None:
        raise ValueError("can't specify timeout for non-blocking acquire")
    binding = SEMAPHORE.of(execution, self)
    semaphore: model.Semaphore = binding.model
    if not wait(execution, "acquire", binding, semaphore.available, timeout if blocking else 0, lock=True):
        return False
    semaphore.value -= 1
    return True


def _release(execution: Execution, self: Any, n: int = 1) -> None:
    if n < 1:
        raise ValueError("n must be one or more")
    binding = SEMAPHORE.of(execution, self)
    operation = Operation("release", binding.write, lock=True)
    operation.amount = n
    execution.perform(operation)
    if not binding.model.can_release(n):
        raise ValueError("Semaphore released too many times")
    binding.model.value += n


def install(patches: Patches) -> None:
    """Add semaphores to ``patches``."""
    for owner in (threading.Semaphore, threading.BoundedSemaphore):
        SEMAPHORE.made_by(patches, owner)
        steer(patches, owner, "release", _release)
    for name in ("acquire", "__enter__"):
        steer(patches, threading.Semaphore, name, _acquire)
