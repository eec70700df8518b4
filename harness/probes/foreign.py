"""What a task may start or use that no model of ours stands for: seen, and said, so that nothing is claimed.

What can only freeze us (a lock between processes, an event loop that waits in a selector) ends the search at once; what
merely goes on beside us (a process, a signal, a socket) leaves a note, and what is broken is still found.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

from ..errors import Abandoned, BlockedError
from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from .patching import Patches

try:
    import _multiprocessing  # type: ignore[import-not-found]
    import _posixsubprocess
except ImportError:  # a Python without processes
    _multiprocessing = _posixsubprocess = None  # type: ignore[assignment]


def _noted(real: Callable[..., Any], text: str, counts: Callable[..., bool] | None = None) -> Callable[..., Any]:
    """As ``real``, and it leaves a note when a task calls it."""

    def call(*args: Any, **kw: Any) -> Any:
        execution = control.current()
        if execution is not None and not execution.dead and (counts is None or counts(*args, **kw)):
            execution.uncontrolled.append(text)
        return real(*args, **kw)

    return call


def _forking(real: Callable[[], int]) -> Callable[[], int]:
    def fork() -> int:
        execution = control.current()
        if execution is None:
            return real()
        execution.uncontrolled.append("a process that the program forked")
        with quiet(execution):
            child = real()
        if child == 0:
            execution.forked()
            control.leave((None, 0))
        return child

    return fork


def _ended(real: Callable[..., Any], text: str) -> Callable[..., Any]:
    """As ``real``; when a task calls it, the search ends: ``text`` says why."""

    def call(*args: Any, **kw: Any) -> Any:
        execution = control.current()
        if execution is None or execution.dead:
            return real(*args, **kw)
        return _give_up(execution, text)

    return call


def _give_up(execution: Execution, text: str) -> Any:
    execution.abort(BlockedError(text))
    raise Abandoned


def _to_ourselves(pid: int, number: int) -> bool:
    return pid in (os.getpid(), 0) and number != 0


_PROCESS = "a process that the program started"
_SIGNAL = "a signal, whose handler may run anywhere"


def _processes(patches: Patches) -> None:
    if hasattr(os, "fork"):
        patches.value(os.fork, _forking(os.fork))
    for name in ("posix_spawn", "posix_spawnp", "system"):
        if hasattr(os, name):
            patches.value(getattr(os, name), _noted(getattr(os, name), _PROCESS))
    if _posixsubprocess is not None:
        start = _posixsubprocess.fork_exec
        patches.value(start, _noted(start, _PROCESS))
    if _multiprocessing is not None and hasattr(_multiprocessing, "SemLock"):
        real: Any = _multiprocessing.SemLock
        made: Any = _ended(
            real,
            "the program made a lock, semaphore or queue of `multiprocessing`: what waits for one waits in the kernel, "
            "out of our control. Threads of one process need those of `threading` and `queue`",
        )
        for name in ("SEM_VALUE_MAX", "_rebuild"):
            setattr(made, name, getattr(real, name))
        patches.value(real, made)


def _signals(patches: Patches) -> None:
    patches.value(os.kill, _noted(os.kill, _SIGNAL, _to_ourselves))
    for name in ("alarm", "setitimer", "raise_signal", "pthread_kill"):
        if hasattr(signal, name):
            patches.value(getattr(signal, name), _noted(getattr(signal, name), _SIGNAL))


def _loops(patches: Patches) -> None:
    """Event loops, once there are any."""
    module: Any = sys.modules.get("asyncio.base_events")
    owner = getattr(module, "BaseEventLoop", None)
    if owner is not None:
        text = (
            "an asyncio event loop was run by the program: it waits in a selector, out of our control. Call the "
            "function that the loop hands to its threads directly"
        )
        patches.set(owner, "run_forever", _ended(owner.__dict__["run_forever"], text))


def _no_noise(patches: Patches) -> None:
    """What is thrown into a world that is over is no news in a destructor."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if unraisable.exc_type is not Abandoned:
            before(unraisable)

    patches.set(sys, "unraisablehook", hook)


def install(patches: Patches) -> None:
    """Add processes, signals and event loops to ``patches``."""
    _processes(patches)
    _signals(patches)
    patches.on_apply(_loops)
    patches.on_apply(_no_noise)


def install_channels(patches: Patches) -> None:
    """Add what threads may talk through past us: sockets, pipes, databases."""
    patches.value(os.pipe, _noted(os.pipe, "a pipe"))
    patches.value(sqlite3.connect, _noted(sqlite3.connect, "an SQLite database, of which no statement is a step"))
    patches.method(socket.socket, "__init__", lambda real: _noted(real, "a socket"))
