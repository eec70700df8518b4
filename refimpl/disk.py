"""File operations that keep a durability: what of them is still there after the process, or the machine, has died.

    none      nothing is promised; the loader does not even write the marker of a single job
    process   what was written is in the kernel: it survives the process, not the machine
    power     what was written is on the disk, its name included, before anybody acts on it

The rules kept for `power`: a file is synced before the rename that makes it visible, the directory after; of two
directories that of the target first, so that a lost second sync leaves a thing twice and never nowhere; a file whose
sync failed is given up and never synced again, because the kernel drops its pages and calls them clean.
`docs/durability.md` has the reasons and what they cost.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any, Final, Literal, get_args

Durability = Literal["none", "process", "power"]
DURABILITIES: Final = get_args(Durability)

MANY: Final = 20
"""From so many files on it is cheaper to sync the whole file system once than each of them (13.6 us against 250)."""

_FRESH = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_SYNCS_DIRECTORIES = os.name != "nt"  # Windows has no such call; NTFS journals its names


class Disk:
    """The file operations of a storage. All raise OSError where the disk refuses."""

    def __init__(self, durability: Durability) -> None:
        if durability not in DURABILITIES:
            raise ValueError(f"durability is one of {', '.join(DURABILITIES)}, not {durability!r}")
        self.durability: Durability = durability
        self.syncs = durability == "power"

    def write(self, path: str, content: bytes) -> None:
        """Put `content` at `path` in one step, replacing what is there. The name is durable after `sync_directory`."""
        # The temporary name is a function of the target: a crash leaves at most one, and the next write removes it.
        temporary = path + ".tmp"
        try:
            fd = os.open(temporary, _FRESH, 0o666)
        except FileExistsError:
            os.unlink(temporary)
            fd = os.open(temporary, _FRESH, 0o666)
        try:
            write_all(fd, content)
            if self.syncs:
                flush(fd)
        except OSError:
            os.close(fd)
            os.unlink(temporary)  # never again this file: a later sync of it may succeed and mean nothing
            raise
        os.close(fd)
        os.replace(temporary, path)

    def rename(self, source: str, target: str) -> None:
        """Move a file or directory whose content is durable, durably: target's directory first, then the source's."""
        os.rename(source, target)
        self.sync_directory(os.path.dirname(target))
        self.sync_directory(os.path.dirname(source))

    def sync_file(self, path: str) -> None:
        """Make the content of a file durable that was written and closed."""
        if self.syncs:
            fd = os.open(path, os.O_RDONLY)
            try:
                flush(fd)
            finally:
                os.close(fd)

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        if _SYNCS_DIRECTORIES:
            self.sync_file(path)

    def make_directory(self, path: str) -> None:
        """Make a directory and those above it, as far as they are missing, durably."""
        missing = []
        while path and not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for made in reversed(missing):
            os.makedirs(made, exist_ok=True)  # somebody else may have made it since
            self.sync_directory(os.path.dirname(made) or ".")

    def sync_many(self, folder: str) -> bool:
        """Make everything on `folder`'s file system durable in one go; False where that cannot be done."""
        if not self.syncs:
            return True
        import ctypes  # here: it takes milliseconds, and few need it

        syncfs = _syncfs()
        if syncfs is None:
            return False
        fd = os.open(folder, os.O_RDONLY)
        try:
            if syncfs(fd) != 0:
                error = ctypes.get_errno()
                raise OSError(error, os.strerror(error), folder)
        finally:
            os.close(fd)
        return True


def flush(fd: int, *, grown: bool = False) -> None:
    """Have the file that `fd` leads to on the disk; `grown`: only content and length matter.

    Raises OSError, after which it must not be asked again.
    """
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # fsync leaves it in the drive's cache there
    elif grown and hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def write_all(fd: int, content: bytes) -> None:
    """Write all of `content`: a single write may take less. Raises OSError."""
    written = os.write(fd, content)
    while written < len(content):
        written += os.write(fd, content[written:])


@functools.cache
def _syncfs() -> Any:
    import ctypes

    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)

