"""Who we are, who is still alive, and locks that die with their owner: what a claim needs to know of the machine.

A port: a test of crashes stands another `Machine` in its place, since in a simulated crash the process lives on.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from refimpl.errors import PackageError

_IMPORTED_AT = time.time()


@dataclass(frozen=True)
class Owner:
    """A process, told apart from every other one that ever was."""

    host: str
    boot: str  # changes with every start of the machine; "" where that cannot be asked
    pid: int
    started: str  # changes when the pid is used again

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Machine:
    """The machine that we run on."""

    def me(self) -> Owner:
        """This process."""
        pid = os.getpid()
        return Owner(socket.gethostname(), _boot_id(), pid, _start_of(pid) or f"{_IMPORTED_AT:.3f}")

    def is_alive(self, owner: Owner) -> bool | None:
        """Whether that process still runs; None if it is on another machine."""
        me = self.me()
        if owner.host != me.host:
            return None
        if owner.boot != me.boot:
            return False
        try:
            os.kill(owner.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass  # somebody else's, but there
        return owner.pid == me.pid or _start_of(owner.pid) in ("", owner.started)

    def lock(self, fd: int) -> bool:
        """Lock the open file for this process, at once or not at all; the lock ends when `fd` is closed.

        Raises PackageError where the file system has no locks.
        """
        try:
            _lock(fd)
        except BlockingIOError:
            return False
        except OSError as error:
            raise PackageError(
                f"the state directory cannot be locked ({error.strerror}); put it on a file system that has locks"
            ) from error
        return True


if os.name == "nt":

    def _lock(fd: int) -> None:
        import msvcrt

        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except PermissionError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _boot_id() -> str:
    return _read("/proc/sys/kernel/random/boot_id")


def _start_of(pid: int) -> str:
    """When a process was started, in the kernel's ticks; "" where that cannot be asked."""
    # The second field, the command's name, may hold spaces and brackets; after it there are no more of either.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
