"""Atoms: updates that reach the disk whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from .table import Effect

META = "meta"
DATA = "data"


@dataclass(frozen=True, eq=False)
class Atom:
    """One update that is not durable yet.

    Attributes:
        number: its place in program order.
        entry: which entry of the journal it is a part of.
        kind: ``META`` (names, sizes, inodes) or ``DATA`` (bytes of a file).
        variants: the ways in which it may be found, each a tuple of effects; the first one is whole.
        directories: whose names it changes.
        inode: what it is about.
        replaced: the inode that loses its name to it; 0 where none does.
        needs: numbers of the atoms that must be durable for it to be.
        resizes: whether it sets the size of ``inode``.
        makes: whether it is ``inode`` coming to be.
        replaces_file: whether it is a rename of a file over another.
    """

    number: int
    entry: int
    kind: str
    variants: tuple[tuple[Effect, ...], ...]
    directories: frozenset[int]
    inode: int
    replaced: int = 0
    needs: frozenset[int] = frozenset()
    resizes: bool = False
    makes: bool = False
    replaces_file: bool = False

    @property
    def whole(self) -> tuple[Effect, ...]:
        """What it does when nothing is torn."""
        return self.variants[0]

    @property
    def touched(self) -> frozenset[int]:
        """The inodes, directories included."""
        return self.directories | {self.inode, self.replaced}
