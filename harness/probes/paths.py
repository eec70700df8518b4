"""Which paths are steps, and what an operation on a path touches.

Dependence is aware of paths: every operation on a path *reads* the tree of each directory above it, and renaming or
removing a directory *writes* its tree. Creating and removing entries of a directory commute with each other, but not
with listing it. Content is told apart by inode, so that a file written under one name and read under another is one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any, Protocol

from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import ADD, READ, WRITE, Access, Accesses, Operation

_real_lstat = os.lstat


Part = tuple[int, Callable[[int], Any]]
"""Of a write: how many bytes it has, and how to write only the first so many."""


class Breaker(Protocol):
    """Stands between an operation and its effect; see `faults.files`."""

    def __call__(
        self, execution: Execution, operation: Operation, effect: Callable[[], Any], part: Part | None = None
    ) -> Any:
        """Do what the operation does, or fail."""


class Sandbox:
    """The files of one exploration: which paths are steps, and how their resources are named.

    Args:
        root: the directory; an absolute path without symbolic links.
        reverse: list directories in descending instead of ascending order of names.
    """

    def __init__(self, root: str, reverse: bool = False) -> None:
        self.root = os.path.realpath(root)
        self.reverse = reverse
        self._prefix = self.root + os.sep
        self._inodes: dict[tuple[int, int], str] = {}
        self.open: dict[int, str] = {}  # descriptors, and the content that they lead to
        self.breaker: Breaker | None = None  # None: what was announced always works

    def reset(self) -> None:
        """Forget what an execution left behind."""
        self._inodes.clear()
        self.open.clear()

    def act(
        self, execution: Execution, operation: Operation, effect: Callable[[], Any], part: Part | None = None
    ) -> Any:
        """What an announced operation does, unless it is made to fail."""
        return effect() if self.breaker is None else self.breaker(execution, operation, effect, part)

    def relative(self, path: Any) -> str | None:
        """The path below the root, with slashes; None for one that is not ours."""
        if isinstance(path, int):
            return None
        try:
            name: Any = os.fspath(path)
        except TypeError:
            return None
        if isinstance(name, bytes):
            name = os.fsdecode(name)
        if not name.startswith("/"):
            name = os.path.join(os.getcwd(), name)
        if name.startswith(self._prefix) and "/." not in name and "//" not in name:
            return str(name[len(self._prefix) :].rstrip("/") or ".")
        name = os.path.abspath(name)
        if name.startswith(self._prefix):
            return str(name[len(self._prefix) :])
        return "." if name == self.root else None

    def content(self, fd: int, name: str, fresh: bool) -> str:
        """The resource name of an open file's content; ``fresh``: it was just created."""
        return self._content(os.fstat(fd), name, fresh)

    def content_at(self, execution: Execution, path: Any, name: str, mode: str) -> Accesses:
        """The access to the content of the file that has this path now, if it is one."""
        with quiet(execution):
            try:
                found = _real_lstat(path)
            except OSError:
                return ()
        return ((self._content(found, name, False), mode),) if stat.S_ISREG(found.st_mode) else ()

    def _content(self, found: os.stat_result, name: str, fresh: bool) -> str:
        key = (found.st_dev, found.st_ino)
        if fresh or key not in self._inodes:
            self._inodes[key] = f"data {name}"
        return self._inodes[key]

    def order(self, names: Any) -> Any:
        """Directory entries in an order that does not depend on the file system."""
        return sorted(names, reverse=self.reverse, key=lambda e: e if isinstance(e, (str, bytes)) else e.name)


def _above(name: str) -> list[Access]:
    parts = name.split("/")[:-1]
    return [(f"tree {'/'.join(parts[:n])}", READ) for n in range(1, len(parts) + 1)]


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "."


def looks_at(name: str) -> Accesses:
    """Accesses of an operation that only looks at a path."""
    return ((f"file {name}", READ), *_above(name))


def changes(name: str) -> Accesses:
    """Accesses of an operation that creates or removes an entry."""
    return ((f"file {name}", WRITE), (f"listing {_parent(name)}", ADD), *_above(name))


def moves(source: str, target: str, directory: bool) -> Accesses:
    """Accesses of a rename."""
    tree: list[Access] = [(f"tree {source}", WRITE), (f"tree {target}", WRITE)] if directory else []
    return tuple(dict.fromkeys((*changes(source), *changes(target), *tree)))


def lists(name: str) -> Accesses:
    """Accesses of listing a directory."""
    return ((f"listing {name}", READ), (f"file {name}", READ), *_above(name))
