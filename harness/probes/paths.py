"""Which paths are steps, and what an operation on a path touches.

Dependence is aware of paths: every operation on a path *reads* the tree of each directory above it, and renaming or
removing a directory *writes* its tree. Creating and removing entries of a directory commute with each other, but not
with listing it. Content is told apart by inode, so that a file written under one name and read under another is one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import ADD, READ, WRITE, Access, Accesses, Operation

_real_lstat = os.lstat
_real_close = os.close
_DESCENDING = "listings descend"


Part = tuple[int, Callable[[int], Any]]
"""Of a write: how many bytes it has, and how to write only the first so many."""


class Breaker(Protocol):
    """Stands between an operation and its effect; see `faults.files`."""

    def __call__(
        self, execution: Execution, operation: Operation, effect: Callable[[], Any], part: Part | None = None
    ) -> Any:
        """Do what the operation does, or fail."""


class Recorder(Protocol):
    """Keeps what was done to the files: `harness.disk.Journal`. Paths are below the root and name no symbolic link."""

    links: bool

    def inode(self, path: str) -> int:
        """What is at a path; 0 where nothing is."""

    def size(self, inode: int) -> int:
        """Of a file, in bytes."""

    def create(self, path: str) -> int:
        """A new file."""

    def write(self, file: int, data: bytes, offset: int | None = None) -> None:
        """Bytes of a file."""

    def truncate(self, file: int, size: int) -> None:
        """A file's size."""

    def fsync(self, file: int, failed: bool = False) -> None:
        """A sync of a file or a directory."""

    def fdatasync(self, file: int, failed: bool = False) -> None:
        """A sync of a file's content."""

    def sync(self) -> None:
        """A sync of everything."""

    def mkdir(self, path: str) -> object:
        """A new directory."""

    def symlink(self, target: str, path: str) -> object:
        """A new symbolic link."""

    def link(self, source: str, target: str) -> object:
        """One more name."""

    def unlink(self, path: str) -> object:
        """A name, or an empty directory, goes."""

    def rename(self, source: str, target: str) -> object:
        """A name becomes another."""


@dataclass
class Opened:
    """What a descriptor leads to.

    Attributes:
        content: the resource name of its content.
        name: the path under which it was opened.
        inode: of the journal; 0 where it is in none.
        appends: whether every write goes to the end.
    """

    content: str
    name: str
    inode: int = 0
    appends: bool = False


class Sandbox:
    """The files of one exploration: which paths are steps, and how their resources are named.

    Args:
        root: the directory; an absolute path without symbolic links.
        listings: ``ascending`` or ``descending`` order of names, or ``both``: as the search chooses, once an execution.
    """

    def __init__(self, root: str, listings: str = "ascending") -> None:
        self.root = os.path.realpath(root)
        self._listings = listings
        self._prefix = self.root + os.sep
        self._inodes: dict[tuple[int, int], str] = {}
        self.open: dict[int, Opened] = {}
        self.breaker: Breaker | None = None  # None: what was announced always works
        self.journal: Recorder | None = None
        self.closing: Callable[[int], None] | None = None  # told of a descriptor that is about to be closed
        self._whole = 0  # >0: what is done is part of one step, and journaled all the same

    def reset(self) -> None:
        """Forget what an execution left behind."""
        self._inodes.clear()
        for fd in list(self.open):  # of a task that was left where it stood
            try:
                _real_close(fd)
            except OSError:
                pass
        self.open.clear()

    def act(
        self, execution: Execution | None, operation: Operation, effect: Callable[[], Any], part: Part | None = None
    ) -> Any:
        """What an announced operation does, unless it is made to fail."""
        if execution is None or self.breaker is None:
            return effect()
        return self.breaker(execution, operation, effect, part)

    def relative(self, path: Any, dir_fd: Any = None) -> str | None:
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
            if dir_fd is not None:
                if dir_fd not in self.open:
                    return None
                name = os.path.join(self._prefix, self.open[dir_fd].name, name)
            else:
                name = os.path.join(os.getcwd(), name)
        if name.startswith(self._prefix) and "/." not in name and "//" not in name:
            return str(name[len(self._prefix) :].rstrip("/") or ".")
        name = os.path.abspath(name)
        if name.startswith(self._prefix):
            return str(name[len(self._prefix) :])
        return "." if name == self.root else None

    def full(self, name: str) -> str:
        """The whole path that is meant by a name."""
        return name.full if isinstance(name, Placed) else os.path.join(self.root, name)

    def whose(self, path: Any, dir_fd: Any = None) -> tuple[Execution | None, str | None]:
        """Who acts, and on which path below the root; no path: it is none of ours. Nobody: it is part of a step."""
        execution = control.current()
        if execution is None and not self._whole:
            return None, None
        return execution, self.relative(path, dir_fd)

    @property
    def acting(self) -> bool:
        """Whether what is done now is done by the program."""
        return self._whole > 0 or control.current() is not None

    @contextmanager
    def one_step(self, execution: Execution) -> Iterator[None]:
        """What happens inside is part of the step that is being taken, and goes into the journal one by one."""
        self._whole += 1
        try:
            with quiet(execution):
                yield
        finally:
            self._whole -= 1

    # -- the journal -----------------------------------------------------------------------------------------

    def record(self, act: Callable[[Recorder], object], *names: str) -> None:
        """Tell the journal, where there is one, and all these paths are below the root."""
        if self.journal is not None and not any(name.startswith("/") for name in names):
            act(self.journal)

    def place(self, name: str) -> str:
        """The path with symbolic links above its last part resolved."""
        if self.journal is None or not self.journal.links or name.startswith("/"):
            return name
        above, _, last = name.rpartition("/")
        return self._below(os.path.realpath(os.path.join(self.root, above)), last)

    def followed(self, name: str) -> str:
        """The path with every symbolic link resolved."""
        if self.journal is None or not self.journal.links or name.startswith("/"):
            return name
        return self._below(os.path.realpath(os.path.join(self.root, name)), "")

    def _below(self, real: str, last: str) -> str:
        full = os.path.join(real, last) if last else real
        return os.path.relpath(full, self.root)

    def opened(self, fd: int, name: str, fresh: bool, emptied: bool = False, appends: bool = False) -> Opened:
        """A descriptor was opened on a path; ``fresh``: the file was just made, ``emptied``: or cut to nothing."""
        found = Opened(self.content(fd, name, fresh), name, 0, appends)
        journal = self.journal
        if journal is not None and not name.startswith("/"):
            path = self.followed(name)
            found.inode = journal.inode(path)
            if fresh and not found.inode:
                found.inode = journal.create(path)
            elif emptied and journal.size(found.inode):
                journal.truncate(found.inode, 0)
        self.open[fd] = found
        return found

    def written(self, file: Opened, data: Any, count: int, offset: int) -> None:
        """The first ``count`` bytes of some data went into a file."""
        if self.journal is not None and file.inode and count:
            whole = memoryview(data).cast("B")[:count]
            self.journal.write(file.inode, bytes(whole), None if file.appends else offset)

    def cut(self, file: Opened, size: int) -> None:
        """A file got another size."""
        if self.journal is not None and file.inode:
            self.journal.truncate(file.inode, size)

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
        return sorted(names, reverse=self._descending(), key=lambda e: e if isinstance(e, (str, bytes)) else e.name)

    def _descending(self) -> bool:
        execution = control.current()
        if self._listings != "both" or execution is None:
            return self._listings == "descending"
        if _DESCENDING not in execution.notes:
            execution.notes[_DESCENDING] = bool(execution.choose("order of listings", ("ascending", "descending")))
        return bool(execution.notes[_DESCENDING])


class Placed(str):
    """The name of a path that does not say where it is.

    Attributes:
        full: where it is.
        links: names of the symbolic links passed on the way, and of what it links to itself.
    """

    __slots__ = ("full", "links")

    def __new__(cls, name: str, full: str, links: Iterable[str] = ()) -> Placed:  # noqa: D102 - see the class
        self = super().__new__(cls, name)
        self.full = full
        self.links = tuple(links)
        return self

    full: str
    links: tuple[str, ...]


def _above(name: str) -> list[Access]:
    parts = name.split("/")[:-1]
    found = [(f"tree {'/'.join(parts[:n])}", READ) for n in range(1, len(parts) + 1)]
    if isinstance(name, Placed):
        for link in name.links:
            found += [(f"file {link}", READ), *_above(link)]
    return found


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
