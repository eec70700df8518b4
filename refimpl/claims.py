"""Claims: one process at a time works on a package, and a dead one's claim does not stand in the way.

    <root>/claims/<load_id>     who works on the package; locked by it; removed when it is through

The lock decides, and the kernel gives it up when its owner dies. What is written in the file is for people, and its
being there without a lock says that somebody died over the package: recovery begins with these.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from refimpl import sealed
from refimpl.disk import Disk, write_all
from refimpl.errors import Claimed, TornError
from refimpl.machine import Machine, Owner


@dataclass
class Claim:
    """The right to work on a package, until `release`."""

    path: str
    fd: int
    predecessor: str = ""  # who died over the package, for people; "" if nobody did

    def release(self) -> None:
        """Give the package free. Raises OSError."""
        if self.fd >= 0:
            try:
                os.unlink(self.path)  # while it is still locked: afterwards it may be another's
            except FileNotFoundError:
                pass
            finally:
                fd, self.fd = self.fd, -1
                os.close(fd)


def take(disk: Disk, path: str, machine: Machine, load_id: str) -> Claim:
    """Claim the package `load_id`. Raises Claimed, naming the owner, when somebody else works on it; OSError."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not machine.lock(fd):
                raise Claimed(_refusal(load_id, read_owner(fd), machine))
            if _is_at(fd, path):
                predecessor = _describe(fd)
                os.ftruncate(fd, 0)
                os.lseek(fd, 0, os.SEEK_SET)
                write_all(fd, sealed.seal(asdict(machine.me())))
                if disk.syncs:
                    # After a power cut the claim says which package was worked on.
                    disk.sync_directory(os.path.dirname(path))
                return Claim(path, fd, predecessor)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # its owner removed the file between our open and our lock: what we locked is nowhere


def read_owner(fd: int) -> Owner | None:
    """Who is written in a claim; None if that cannot be read."""
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        return Owner(**sealed.unseal(os.read(fd, 4096)))
    except (OSError, TornError, TypeError):
        return None


def standing(path: str, machine: Machine) -> str:
    """How it stands with a claim, for people who only look: who has it, or died with it; "" when nobody has it."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        owner = read_owner(fd)
    finally:
        os.close(fd)
    if owner is None:
        return "claimed"
    alive = machine.is_alive(owner)
    return f"{owner}" if alive else f"{owner}, not known to be alive" if alive is None else f"{owner}, which has died"


def _is_at(fd: int, path: str) -> bool:
    mine = os.fstat(fd)
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _describe(fd: int) -> str:
    if os.fstat(fd).st_size == 0:
        return ""
    return str(read_owner(fd) or "unknown")


def _refusal(load_id: str, owner: Owner | None, machine: Machine) -> str:
    if owner is None:
        return f"load {load_id} is being worked on by another process; wait until it has ended"
    if machine.is_alive(owner) is False:
        return f"load {load_id} is locked by a child of {owner}, which has died; end the child, then run again"
    return f"load {load_id} is being worked on by {owner}; wait until it has ended, or stop it and run again"
