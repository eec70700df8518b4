"""Handlers of SIGINT and SIGTERM under control: a program's own, kept apart from ours and undone with its execution."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..runtime.execution import Execution
from .patching import Patches

_KEY = "signal handlers"
DEFAULTS: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""What Python starts with."""


def handler_of(execution: Execution, number: int) -> Any:
    """The handler of a signal in an execution."""
    return execution.notes.get(_KEY, {}).get(number, DEFAULTS[number])


def _setting(real: Callable[..., Any]) -> Callable[..., Any]:
    def signal_(signalnum: int, handler: Any) -> Any:
        execution = control.current()
        if execution is None or signalnum not in DEFAULTS:
            return real(signalnum, handler)
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("signal only works in main thread of the main interpreter")
        if not callable(handler) and handler not in (signal.SIG_DFL, signal.SIG_IGN):
            raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
        before = handler_of(execution, signalnum)
        execution.notes.setdefault(_KEY, {})[signalnum] = handler
        return before

    return signal_


def _getting(real: Callable[..., Any]) -> Callable[..., Any]:
    def getsignal(signalnum: int) -> Any:
        execution = control.current()
        return real(signalnum) if execution is None or signalnum not in DEFAULTS else handler_of(execution, signalnum)

    return getsignal


def install(patches: Patches) -> None:
    """Add `signal.signal` and `signal.getsignal` to ``patches``."""
    patches.value(signal.signal, _setting(signal.signal))
    patches.value(signal.getsignal, _getting(signal.getsignal))
