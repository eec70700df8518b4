"""`threading.Event` under control.

Waiting is one operation, enabled while the flag is set. A waiter that `set` woke and that runs on after a `clear` is
not lost by this: waking it right after the `set` leads to the same, and that order is explored too.
"""

from __future__ import annotations

import threading
from typing import Any

from .. import model
from ..runtime.execution import Execution
from ..trace import Operation
from .binding import Kind, steer, wait
from .patching import Patches

EVENT = Kind("event", lambda real: model.Event(real._flag))


def _is_set(execution: Execution, self: Any) -> bool:
    binding = EVENT.of(execution, self)
    execution.perform(Operation("is set?", binding.read))
    return binding.model.is_set()  # type: ignore[no-any-return]


def _set(execution: Execution, self: Any) -> None:
    binding = EVENT.of(execution, self)
    execution.perform(Operation("set", binding.write))
    binding.model.flag = True


def _clear(execution: Execution, self: Any) -> None:
    binding = EVENT.of(execution, self)
    execution.perform(Operation("clear", binding.write))
    binding.model.flag = False


def _wait(execution: Execution, self: Any, timeout: float | None = None) -> bool:
    binding = EVENT.of(execution, self)
    return wait(execution, "wait", binding, binding.model.is_set, timeout, accesses=binding.read)


def install(patches: Patches) -> None:
    """Add events to ``patches``."""
    EVENT.made_by(patches, threading.Event)
    for name, act in (("is_set", _is_set), ("set", _set), ("clear", _clear), ("wait", _wait)):
        steer(patches, threading.Event, name, act)
