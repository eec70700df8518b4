"""Operations on files that fail: before they have any effect, after all of it, or half-way."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ..errors import UsageError
from ..runtime import Execution
from ..trace import READ, WRITE, Operation
from .budget import breaks

BEFORE = "before"
AFTER = "after"
HALF = "half"


class _Fault:
    """One way to fail: the error, or none where the operation only does less than it was asked; and when."""

    __slots__ = ("code", "lasting", "when")

    def __init__(self, code: int, when: str = BEFORE, lasting: bool = False) -> None:
        self.code = code
        self.when = when
        self.lasting = lasting


LASTING = "disk full"
"""The one kind of fault that other operations feel."""

_FAULTS: Mapping[str, _Fault] = MappingProxyType(
    {
        "EIO": _Fault(errno.EIO),
        "EIO after": _Fault(errno.EIO, AFTER),
        "ENOSPC": _Fault(errno.ENOSPC, HALF),
        LASTING: _Fault(errno.ENOSPC, HALF, lasting=True),
        "EACCES": _Fault(errno.EACCES),
        "ENOENT": _Fault(errno.ENOENT),
        "EMFILE": _Fault(errno.EMFILE),
        "short write": _Fault(0, HALF),
        "fsync": _Fault(errno.EIO),
    }
)

FILE_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "EIO": "the device fails before anything has happened",
        "EIO after": "all has happened, and an error is reported: the acknowledgement is lost, as over NFS",
        "ENOSPC": "the disk is full for a moment: half of what was to be written is",
        "disk full": "the disk is full, and stays so",
        "EACCES": "refused once, as by a scanner that holds the file on Windows",
        "ENOENT": "not found, as if somebody else had removed it",
        "EMFILE": "no descriptor is left, once",
        "short write": "half is written, and the call says so: whoever does not look loses the rest",
        "fsync": "the flush fails, and what was not yet on disk is lost to every later one (fsyncgate)",
    }
)
"""Every kind of fault of a file operation, with what it stands for."""

_APPLICABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "open": ("EACCES", "ENOENT", "EMFILE"),
        "create": ("ENOSPC", "disk full", "EACCES", "EMFILE"),
        "overwrite": ("EACCES", "EMFILE"),
        "write file": ("EIO", "ENOSPC", "disk full", "short write"),
        "read file": ("EIO",),
        "truncate": ("EIO",),
        "fsync": ("fsync",),
        "fdatasync": ("fsync",),
        "list": ("EIO", "EMFILE", "ENOENT"),
        "mkdir": ("ENOSPC", "disk full", "EACCES"),
        "rename": ("EIO", "EIO after", "EACCES"),
        "replace": ("EIO", "EIO after", "EACCES"),
        "link": ("EIO", "EIO after", "EACCES"),
        "unlink": ("EIO", "EIO after", "EACCES", "ENOENT"),
        "remove": ("EIO", "EIO after", "EACCES", "ENOENT"),
        "rmdir": ("EIO", "EACCES"),
    }
)
"""Which kinds of operation may fail how. What only looks (`stat`) does not fail."""

_NEEDS_SPACE = ("create", "write file", "mkdir")
_FULL = "disk is full"
_SPACE = "budget disk space"


class FileFaults:
    """Stands between the file operations of a sandbox and their effects, and lets them fail as chosen.

    Args:
        kinds: which of `FILE_FAULTS` are tried.
        where: whether an operation, described by its kind and path below the root, may fail; by default any.

    Raises:
        UsageError: a kind is none.
    """

    def __init__(
        self, kinds: Iterable[str] = tuple(FILE_FAULTS), where: Callable[[Execution, Operation], bool] | None = None
    ) -> None:
        self.kinds = tuple(kinds)
        unknown = sorted(set(self.kinds) - set(FILE_FAULTS))
        if unknown:
            raise UsageError(f"unknown file faults {', '.join(unknown)}; there are {', '.join(FILE_FAULTS)}")
        self._where = where

    def __call__(
        self,
        execution: Execution,
        operation: Operation,
        effect: Callable[[], Any],
        part: tuple[int, Callable[[int], Any]] | None = None,
    ) -> Any:
        """Do what the operation does, or fail.

        Args:
            execution: the one that it belongs to.
            operation: as announced.
            effect: all of it.
            part: for a write, how many bytes it is of, and how to write only so many.
        """
        kind = operation.kind
        if LASTING in self.kinds and kind in _NEEDS_SPACE:
            operation.accesses += ((_SPACE, READ),)
        if execution.notes.get(_FULL) and kind in _NEEDS_SPACE:
            raise _error(errno.ENOSPC, operation)
        if self._where is not None and not self._where(execution, operation):
            return effect()
        short = part is not None and part[0] > 1
        kinds = [k for k in _APPLICABLE.get(kind, ()) if k in self.kinds and (short or k != "short write")]
        chosen = breaks(_place(operation), kinds) if kinds else ""
        if not chosen:
            return effect()
        fault = _FAULTS[chosen]
        if fault.lasting:
            execution.notes[_FULL] = True
            operation.accesses += ((_SPACE, WRITE),)
        if fault.when == AFTER:
            effect()
        written = part[1](part[0] // 2) if fault.when == HALF and part is not None else None
        if not fault.code:
            return written
        raise _error(fault.code, operation)


def _place(operation: Operation) -> str:
    """What is done to which path, and how often this task has done it."""
    name = f"{operation.kind} {operation.resource.partition(' ')[2]}"
    count: int = operation.task.count(f"place {name}")
    return f"{name}, again" if count == 2 else f"{name}, time {count}" if count > 2 else name


def _error(code: int, operation: Operation) -> OSError:
    return OSError(code, os.strerror(code), operation.resource.partition(" ")[2])
