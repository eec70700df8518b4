"""Notices a task that blocks or runs on outside our sight, and says where: never a silent hang.

The only place that looks at the real clock. It decides nothing about a program: what it ends is INCONCLUSIVE.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import traceback
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import Abandoned, BlockedError
from . import control

if TYPE_CHECKING:
    from .execution import Execution

SIGNAL = getattr(signal, "SIGUSR2", None)
PATIENCE = 10.0
"""Seconds without a step after which an execution is ended."""

# bound before anybody patches them
_start, _allocate, _ident = _thread.start_new_thread, _thread.allocate_lock, _thread.get_ident


class Watchdog:
    """A real thread that looks from time to time whether the execution gets on. A context manager.

    From the main thread an execution that does not is ended, with `BlockedError`; from any other thread, or where C
    code does not let itself be interrupted, a message on standard error is all that can be done.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self.execution: Execution | None = None
        self._stop = _allocate()
        self._previous: Any = None
        self._main = threading.current_thread() is threading.main_thread() and SIGNAL is not None
        self._thread = _ident()
        self._error: BlockedError | None = None

    def __enter__(self) -> Watchdog:
        if self._main:
            self._previous = signal.signal(SIGNAL, self._interrupt)  # type: ignore[arg-type]
        self._stop.acquire()
        _start(self._watch, ())
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.release()
        if self._main:
            signal.signal(SIGNAL, self._previous)  # type: ignore[arg-type]

    def _watch(self) -> None:
        last: tuple[int, int] | None = None
        same = 0
        while not self._stop.acquire(timeout=self.patience / 4):
            execution = self.execution
            seen = None if execution is None else (id(execution), len(execution.steps))
            same = same + 1 if seen is not None and seen == last else 0
            last = seen
            if same and same % 4 == 0 and execution is not None:
                self._bark(execution)
        self._stop.release()

    def _bark(self, execution: Execution) -> None:
        frame = sys._current_frames().get(control.ident())
        stack = "".join(traceback.format_stack(frame)[-4:]).rstrip() if frame is not None else "  (no stack)"
        task = execution.current.name if execution.current is not None else "nobody"
        self._error = BlockedError(
            f"task {task} has made no step for {self.patience:g} s: it blocks outside our sight (a C call, a lock that "
            f"was made before we came) or runs on without touching anything that we see:\n{stack}"
        )
        if self._main:
            signal.pthread_kill(self._thread, SIGNAL)  # type: ignore[arg-type] # a real one: it ends a wait in C
        else:
            os.write(2, f"loadloom: {self._error}\n".encode())

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        error, self._error = self._error, None
        execution = self.execution
        if error is None or execution is None:
            if callable(self._previous):
                self._previous(number, frame)
            return
        again = execution.dead
        execution.abort(error)
        if control.ident() == _ident():  # we stand in the task itself
            if again and execution.current is not None:  # it was told already
                execution.strand(execution.current)
            raise Abandoned
        raise error
