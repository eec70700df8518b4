"""`time` under control: virtual, so that no execution depends on the machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..runtime import control, polling
from ..runtime.execution import Execution
from ..trace import Operation
from .patching import Patches

EPOCH = 1_700_000_000.0
"""What `time.time` says when an execution starts, in seconds."""
TICK = 1e-6
"""How far a task's own clock moves on each reading, in seconds: durations are never zero."""


def now(execution: Execution) -> float:
    """Virtual seconds since the execution began, as the current task sees them."""
    task = execution.current
    assert task is not None
    task.clock_reads += 1
    task.window_clock = True
    return execution.clock + task.clock_reads * TICK


def _reader(real: Callable[[], Any], convert: Callable[[float], Any]) -> Callable[[], Any]:
    def read() -> Any:
        execution = control.current()
        return real() if execution is None else convert(now(execution))

    read.__name__ = getattr(real, "__name__", "read")
    return read


_real_sleep = time.sleep


def sleep(seconds: float, /) -> None:
    """As `time.sleep`, in virtual time; a switch here is no preemption."""
    execution = control.current()
    if execution is None:
        _real_sleep(seconds)
        return
    if not isinstance(seconds, (int, float)):
        seconds = seconds.__index__() if hasattr(seconds, "__index__") else _real_sleep(seconds)  # which raises
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    operation = Operation("sleep", (), deadline=execution.clock + seconds, poll=True, detail=f"{seconds:g} s")
    operation.enabled = lambda: not polling.stale(execution, operation)
    execution.perform(operation)


def install(patches: Patches) -> None:
    """Add the clock to ``patches``."""
    patches.value(time.sleep, sleep)

    def since(zero: float) -> Callable[[float], float]:
        return lambda t: zero + t

    def nanoseconds_since(zero: float) -> Callable[[float], int]:
        return lambda t: int((zero + t) * 1e9)

    for name, zero in (("time", EPOCH), ("monotonic", 0.0), ("perf_counter", 0.0), ("process_time", 0.0)):
        patches.value(getattr(time, name), _reader(getattr(time, name), since(zero)))
        nanos = getattr(time, f"{name}_ns")
        patches.value(nanos, _reader(nanos, nanoseconds_since(zero)))
