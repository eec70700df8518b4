"""The journal: what was done to the files, in order, by inode; and the files as a running process sees them.

Path-level methods stand for system calls that succeeded. Each appends an entry; none touches a real file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .state import State, canonical, table_of
from .table import (
    EMPTY_DIRECTORY,
    EMPTY_FILE,
    ROOT,
    Data,
    Effect,
    Link,
    Make,
    Node,
    Resize,
    Symlink,
    Table,
    Unlink,
    entries,
)


class Create(NamedTuple):
    """A file, a directory or a symbolic link comes to be under a name."""

    directory: int
    name: str
    inode: int
    node: Node


class AddName(NamedTuple):
    """A file gets one more name."""

    directory: int
    name: str
    inode: int
    node: Node


class Remove(NamedTuple):
    """A name goes. ``last``: the inode has no other."""

    directory: int
    name: str
    inode: int
    last: bool


class Move(NamedTuple):
    """A rename. ``replaced``: the inode that had the new name; 0 where none had. ``node``: what kind of thing moves."""

    directory: int
    name: str
    to_directory: int
    to_name: str
    inode: int
    node: Node
    replaced: int = 0
    replaces_file: bool = False


class Write(NamedTuple):
    """Bytes go into a file. ``size``: of the file before."""

    inode: int
    offset: int
    data: bytes
    size: int


class Truncate(NamedTuple):
    """A file gets another size."""

    inode: int
    size: int


class Sync(NamedTuple):
    """fsync. ``content_only``: fdatasync; ``failed``: it returned an error, and what was dirty may be lost."""

    inode: int
    content_only: bool = False
    failed: bool = False


class SyncAll(NamedTuple):
    """sync or syncfs."""


class Mark(NamedTuple):
    """Something that somebody outside can see: a commit, an acknowledgement, a line printed."""

    event: object


Entry = Create | AddName | Remove | Move | Write | Truncate | Sync | SyncAll | Mark
BARRIERS = (Sync, SyncAll, Mark)
"""Entries just before which a crash can find more than later; see `crash_points`."""


def effects_of(entry: Entry) -> tuple[Effect, ...]:
    """What an entry does to the files as a running process sees them."""
    if isinstance(entry, Create):
        return (Make(entry.inode, entry.node), Link(entry.directory, entry.name, entry.inode))
    if isinstance(entry, AddName):
        return (Link(entry.directory, entry.name, entry.inode),)
    if isinstance(entry, Remove):
        return (Unlink(entry.directory, entry.name, entry.inode),)
    if isinstance(entry, Move):
        gone = (Unlink(entry.to_directory, entry.to_name, entry.replaced),) if entry.replaced else ()
        return (
            *gone,
            Unlink(entry.directory, entry.name, entry.inode),
            Link(entry.to_directory, entry.to_name, entry.inode),
        )
    if isinstance(entry, Write):
        return (Data(entry.inode, entry.offset, entry.data),)
    if isinstance(entry, Truncate):
        return (Resize(entry.inode, entry.size),)
    return ()


class Journal:
    """What happens to a tree of files from now on.

    Args:
        initial: the tree to begin with, all of it durable.
        step: asked at each entry in which step of an execution it happens.

    Attributes:
        initial: the table of that tree.
        memory: the table as a running process sees it.
        entries: what was done.
        steps: for each of them, the step.
        links: whether there ever was a symbolic link.
    """

    def __init__(self, initial: State | None = None, step: Callable[[], int] | None = None) -> None:
        self.initial: Table = {ROOT: EMPTY_DIRECTORY} if initial is None else table_of(initial.entries, initial.shared)
        self.memory: Table = dict(self.initial)
        self.entries: list[Entry] = []
        self.steps: list[int] = []
        self._step = step
        self.links = any(isinstance(node, Symlink) for node in self.initial.values())
        self._next = max(self.initial) + 1

    def state(self) -> State:
        """What a running process sees."""
        return canonical(self.memory)

    # -- looking ---------------------------------------------------------------------------------------------

    def inode(self, path: str) -> int:
        """The inode at a path below the root; 0 where there is nothing. Symbolic links are not followed."""
        inode = ROOT
        for name in _parts(path):
            inode = entries(self.memory, inode).get(name, 0)
            if not inode:
                return 0
        return inode

    def size(self, inode: int) -> int:
        """The size of a file in bytes."""
        content = self.memory.get(inode)
        return len(content) if isinstance(content, bytes) else 0

    # -- names -----------------------------------------------------------------------------------------------

    def create(self, path: str) -> int:
        """A new empty file."""
        return self._make(path, EMPTY_FILE)

    def mkdir(self, path: str) -> int:
        """A new directory."""
        return self._make(path, EMPTY_DIRECTORY)

    def symlink(self, target: str, path: str) -> int:
        """A new symbolic link."""
        self.links = True
        return self._make(path, Symlink(target))

    def _make(self, path: str, node: Node) -> int:
        directory, name = self._place(path)
        inode, self._next = self._next, self._next + 1
        self.record(Create(directory, name, inode, node))
        return inode

    def link(self, source: str, target: str) -> None:
        """One more name for a file."""
        directory, name = self._place(target)
        inode = self._known(source)
        self.record(AddName(directory, name, inode, self._kind(inode)))

    def unlink(self, path: str) -> None:
        """A name goes; of an empty directory too."""
        directory, name = self._place(path)
        inode = self._known(path)
        self.record(Remove(directory, name, inode, last=self._names(inode) == 1))

    rmdir = unlink

    def rename(self, source: str, target: str) -> None:
        """A name becomes another, replacing what was there."""
        inode, replaced = self._known(source), self.inode(target)
        if inode == replaced:  # two names of one file: nothing happens, POSIX says
            return
        directory, name = self._place(source)
        to_directory, to_name = self._place(target)
        over_file = isinstance(self.memory.get(replaced), bytes) and isinstance(self.memory[inode], bytes)
        self.record(Move(directory, name, to_directory, to_name, inode, self._kind(inode), replaced, over_file))

    # -- content ---------------------------------------------------------------------------------------------

    def write(self, file: str | int, data: bytes, offset: int | None = None) -> None:
        """Bytes at an offset; at the end by default."""
        inode = self._known(file) if isinstance(file, str) else file
        size = self.size(inode)
        self.record(Write(inode, size if offset is None else offset, bytes(data), size))

    def truncate(self, file: str | int, size: int) -> None:
        """Another size."""
        self.record(Truncate(self._known(file) if isinstance(file, str) else file, size))

    # -- durability ------------------------------------------------------------------------------------------

    def fsync(self, file: str | int, failed: bool = False) -> None:
        """fsync of a file or a directory."""
        self.record(Sync(self._known(file) if isinstance(file, str) else file, failed=failed))

    def fdatasync(self, file: str | int, failed: bool = False) -> None:
        """fdatasync of a file."""
        self.record(Sync(self._known(file) if isinstance(file, str) else file, True, failed))

    def sync(self) -> None:
        """sync: everything."""
        self.record(SyncAll())

    def mark(self, event: object) -> None:
        """Somebody outside sees something."""
        self.record(Mark(event))

    # -- keeping ---------------------------------------------------------------------------------------------

    def record(self, entry: Entry) -> None:
        """Append an entry and do it in memory."""
        self.entries.append(entry)
        self.steps.append(len(self.steps) if self._step is None else self._step())
        for effect in effects_of(entry):
            effect.apply(self.memory)

    def _place(self, path: str) -> tuple[int, str]:
        parts = _parts(path)
        directory = self.inode("/".join(parts[:-1]))
        if not parts or not directory:
            raise FileNotFoundError(f"the journal knows no directory for {path!r}")
        return directory, parts[-1]

    def _known(self, path: str) -> int:
        inode = self.inode(path)
        if not inode:
            raise FileNotFoundError(f"the journal knows no {path!r}")
        return inode

    def _kind(self, inode: int) -> Node:
        """An empty thing of the same kind."""
        node = self.memory[inode]
        if isinstance(node, bytes):
            return EMPTY_FILE
        return EMPTY_DIRECTORY if isinstance(node, frozenset) else node

    def _names(self, inode: int) -> int:
        return sum(
            1 for node in self.memory.values() if isinstance(node, frozenset) for _, other in node if other == inode
        )


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
