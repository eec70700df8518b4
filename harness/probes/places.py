"""What else changes files for other threads: where relative paths begin, times and rights, locks on files."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Accesses, Operation
from .patching import Patches
from .paths import Sandbox, looks_at

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_real = {name: getattr(os, name) for name in ("chdir", "fchdir", "utime", "chmod") if hasattr(os, name)}


def _moving_home(real: Callable[..., Any]) -> Callable[..., Any]:
    """Relative paths change with it: it touches the tree of all there is."""

    def change(path: Any) -> None:
        execution = control.current()
        if execution is not None:
            execution.perform(Operation("chdir", (("tree ", WRITE),)))
        real(path)

    return change


def _marking(box: Sandbox, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Times and rights of a file: seen by whoever asks for its state."""

    def mark(path: Any, *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None else box.relative(path)
        if execution is not None and name is not None:
            accesses = looks_at(name)
            execution.perform(Operation(kind, ((accesses[0][0], WRITE), *accesses[1:])))
        return real(path, *args, **kw)

    return mark


# -- flock: between open files, so between threads too -----------------------------------------------------------


class FileLocks:
    """Which open files of an execution hold which lock."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    def _held(self, execution: Execution) -> dict[str, dict[int, bool]]:
        """For each locked file the descriptors that hold it, and whether alone."""
        held: dict[str, dict[int, bool]] = execution.notes.setdefault("file locks", {})
        return held

    def lock(self, real: Callable[[int, int], None], fd: int, how: int) -> None:
        """As `fcntl.flock`, of a descriptor of ours."""
        execution = control.current()
        assert execution is not None
        name = self._box.open[fd].content
        holders = self._held(execution).setdefault(name, {})
        accesses: Accesses = ((f"flock {name}", WRITE),)
        if how & fcntl.LOCK_UN:
            execution.perform(Operation("unlock file", accesses))
            holders.pop(fd, None)
            real(fd, how)
            return
        alone = bool(how & fcntl.LOCK_EX)

        def free() -> bool:
            return not any(other != fd and (alone or theirs) for other, theirs in holders.items())

        if how & fcntl.LOCK_NB:
            operation = Operation("try to lock file", accesses)
            execution.perform(operation)
            if not free():
                operation.accesses = ((accesses[0][0], READ),)
        else:
            execution.perform(Operation("lock file", accesses, free))
        real(fd, how | fcntl.LOCK_NB)  # raises as the kernel does; nobody waits in it
        holders[fd] = alone

    def closing(self, fd: int) -> None:
        """A descriptor is being closed: with it goes its lock."""
        execution = control.current()
        if execution is None:
            return
        for name, holders in self._held(execution).items():
            if fd in holders:
                execution.perform(Operation("unlock file", ((f"flock {name}", WRITE),)))
                holders.pop(fd, None)
                return


def install(patches: Patches, box: Sandbox) -> None:
    """Add them to ``patches``."""
    for name in ("chdir", "fchdir"):
        if name in _real:
            patches.value(_real[name], _moving_home(_real[name]))
    for name in ("utime", "chmod"):
        patches.value(_real[name], _marking(box, name, _real[name]))
    if fcntl is None:
        return
    locks, flock = FileLocks(box), fcntl.flock
    box.closing = locks.closing

    def ours(fd: Any, operation: int, /) -> None:
        number = fd if isinstance(fd, int) else fd.fileno()
        if control.current() is None or number not in box.open:
            flock(fd, operation)
        else:
            locks.lock(flock, number, operation)

    patches.value(flock, ours)
