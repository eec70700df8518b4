"""The inode table: directories, files, symbolic links, and the effects that change it.

A table is a plain dict from inode numbers to nodes. Nodes are never changed in place, so a copy of the dict is a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

ROOT = 1
"""The inode of the root directory; it is always there."""

GARBAGE = "¤".encode()
"""What a file holds whose blocks were given to another."""


@dataclass(frozen=True)
class Symlink:
    """A symbolic link."""

    target: str


Names = frozenset[tuple[str, int]]
Node = bytes | Names | Symlink
"""A file's content, a directory's entries, or a symbolic link."""

Table = dict[int, Node]

EMPTY_FILE: bytes = b""
EMPTY_DIRECTORY: Names = frozenset()


def entries(table: Table, directory: int) -> dict[str, int]:
    """The names in a directory; empty where it is none."""
    node = table.get(directory)
    return dict(node) if isinstance(node, frozenset) else {}


def overwritten(content: bytes, offset: int, data: bytes) -> bytes:
    """A file's content after a write; a hole reads as NULs, and a write of nothing does nothing."""
    if not data:
        return content
    if offset > len(content):
        content += bytes(offset - len(content))
    return content[:offset] + data + content[offset + len(data) :]


def resized(content: bytes, size: int) -> bytes:
    """A file's content after a truncation."""
    return content[:size] if size <= len(content) else content + bytes(size - len(content))


class Make(NamedTuple):
    """An inode comes to be."""

    inode: int
    node: Node

    def apply(self, table: Table) -> None:
        """Do it."""
        table[self.inode] = self.node


class Link(NamedTuple):
    """A name appears. ``node``: what its inode starts as where nothing made it; None: then the name leads nowhere."""

    directory: int
    name: str
    inode: int
    node: Node | None = None

    def apply(self, table: Table) -> None:
        """Do it."""
        names = table.get(self.directory)
        if names is None and self.node is not None:
            names = EMPTY_DIRECTORY  # its own entry has not come yet
        if not isinstance(names, frozenset):
            return
        table[self.directory] = frozenset(e for e in names if e[0] != self.name) | {(self.name, self.inode)}
        if self.node is not None and self.inode not in table:
            table[self.inode] = self.node


class Unlink(NamedTuple):
    """A name goes, if it still leads to this inode."""

    directory: int
    name: str
    inode: int

    def apply(self, table: Table) -> None:
        """Do it."""
        names = table.get(self.directory)
        if isinstance(names, frozenset):
            table[self.directory] = names - {(self.name, self.inode)}


class Resize(NamedTuple):
    """A file gets another size. ``grow``: only if it is larger than the one that it has."""

    inode: int
    size: int
    make: bool = True
    grow: bool = False

    def apply(self, table: Table) -> None:
        """Do it."""
        content = table.get(self.inode, EMPTY_FILE if self.make else None)
        if isinstance(content, bytes) and not (self.grow and self.size <= len(content)):
            table[self.inode] = resized(content, self.size)


class Data(NamedTuple):
    """Bytes of a file."""

    inode: int
    offset: int
    data: bytes
    make: bool = True

    def apply(self, table: Table) -> None:
        """Do it."""
        content = table.get(self.inode, EMPTY_FILE if self.make else None)
        if isinstance(content, bytes):
            table[self.inode] = overwritten(content, self.offset, self.data)


class Trash(NamedTuple):
    """A freed inode is used for something else while a name may still lead to it."""

    inode: int

    def apply(self, table: Table) -> None:
        """Do it."""
        table[self.inode] = GARBAGE


Effect = Make | Link | Unlink | Resize | Data | Trash
