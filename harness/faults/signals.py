"""SIGINT and SIGTERM before any step of the main task, as choices.

Python runs a signal's handler in the main thread, between two of its instructions. Code between two announcements
touches nothing that others see, so it is enough to try the place before each operation. A wait that a signal ends is
the same as one that never began.
"""

from __future__ import annotations

import signal

from ..probes.signals import handler_of
from ..runtime import Execution, Task
from ..trace import Operation
from .budget import breaks

_WITHIN = ("go", "wake up")
"""Operations in the middle of one of the standard library's calls: what a signal there leaves is its affair."""

_NUMBERS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}


def arrive(execution: Execution, task: Task, operation: Operation) -> None:
    """Let a signal come before an operation of the main task, if that is chosen; its handler may raise.

    A signal that would end the process at once, or is ignored, is not tried: the first is a crash.
    """
    if task.path or not execution.steps or operation.kind in _WITHIN:
        return
    kinds = [name for name, number in _NUMBERS.items() if callable(handler_of(execution, number))]
    name = f"signal before {operation.kind} {operation.resource}".rstrip()
    count = task.count(f"place {name}")
    chosen = breaks(name if count == 1 else f"{name}, time {count}", kinds)
    if chosen:
        number = _NUMBERS[chosen]
        handler_of(execution, number)(number, None)
