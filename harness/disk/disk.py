"""A disk under a model: which updates are durable, and which may or may not be found after a stop."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .atom import DATA, META, Atom
from .journal import AddName, Create, Entry, Mark, Move, Remove, Sync, SyncAll, Truncate, Write, effects_of
from .models import EXT4_DA, Model
from .table import Data, Effect, Link, Make, Resize, Table, Trash, Unlink

BLOCK = 4096
"""Bytes. A write of at most a block is one atom; a longer one is one for each block."""


class Disk:
    """What a journal's entries leave on a disk.

    Args:
        model: which updates need which.
        initial: the table that is durable at the start.

    Attributes:
        memory: the table as a running process sees it.
        atoms: what is not durable, or stands behind something that is not, in program order.
        durable: the numbers of those of them that are durable.
        poisoned: those whose sync failed: they may be found or not, for ever.
    """

    def __init__(self, model: Model, initial: Table) -> None:
        self.model = model
        self.base: Table = dict(initial)
        self.memory: Table = dict(initial)
        self.atoms: list[Atom] = []
        self.durable: set[int] = set()
        self.poisoned: set[int] = set()
        self._next = 0
        self._entries = 0
        # which blocks are on disk is asked of the strictest model, else a looser one could allow less
        self._blocks = self if model is EXT4_DA or model.process else Disk(EXT4_DA, initial)

    def apply(self, entry: Entry, seen: Collection[int] | None = None) -> None:
        """Take in the next entry of the journal.

        Args:
            entry: what was done.
            seen: which of the entries taken in so far, counted from 0, come before it in every order of the trace;
                None: all.
        """
        known = [a for a in self.atoms if seen is None or a.entry in seen]
        if not self.model.process:
            if isinstance(entry, (Sync, SyncAll)):
                self._sync(entry, known)
            elif not isinstance(entry, Mark):
                self._add(entry, known)
        if self._blocks is not self:
            self._blocks.apply(entry, seen)
        for effect in effects_of(entry):
            effect.apply(self.memory)
        self._entries += 1

    # -- what an entry is made of ----------------------------------------------------------------------------

    def _add(self, entry: Entry, known: list[Atom]) -> None:
        if isinstance(entry, Create):
            self._create(entry, known)
        elif isinstance(entry, AddName):
            self._meta(known, (self._link(entry),), {entry.directory}, entry.inode)
        elif isinstance(entry, Remove):
            self._remove(entry, known)
        elif isinstance(entry, Move):
            self._move(entry, known)
        elif isinstance(entry, Truncate):
            self._meta(known, (Resize(entry.inode, entry.size, self._implied),), (), entry.inode, resizes=True)
        elif isinstance(entry, Write):
            for part in _in_blocks(entry):
                self._write(part, known)

    @property
    def _implied(self) -> bool:
        """Whether a name brings its inode with it."""
        return not self.model.apart

    def _link(self, entry: Create | AddName) -> Link:
        return Link(entry.directory, entry.name, entry.inode, entry.node if self._implied else None)

    def _create(self, entry: Create, known: list[Atom]) -> None:
        if self.model.apart:
            # a directory's own sync makes its inode durable; its name is its parent's affair
            self._meta(known, (Make(entry.inode, entry.node),), (), entry.inode, makes=True)
        self._meta(known, (self._link(entry),), {entry.directory}, entry.inode)

    def _remove(self, entry: Remove, known: list[Atom]) -> None:
        self._meta(known, (Unlink(entry.directory, entry.name, entry.inode),), {entry.directory}, entry.inode)
        if self.model.apart and entry.last:
            self._new(known, Atom(0, 0, META, ((Trash(entry.inode),),), frozenset(), 0))

    def _move(self, entry: Move, known: list[Atom]) -> None:
        source, target = {entry.directory}, {entry.to_directory}
        unlink = Unlink(entry.directory, entry.name, entry.inode)
        link = Link(entry.to_directory, entry.to_name, entry.inode, entry.node if self._implied else None)
        over = Unlink(entry.to_directory, entry.to_name, entry.replaced)
        gone: tuple[Effect, ...] = (over,) if entry.replaced else ()
        inode, replaced = entry.inode, entry.replaced
        if self.model.rename == "whole":
            effects = (*gone, unlink, link)
            self._meta(known, effects, source | target, inode, replaced, replaces_file=entry.replaces_file)
        elif self.model.rename == "link first":
            added = self._meta(known, (*gone, link), target, inode, replaced)
            self._meta(known, (unlink,), source, inode, needs=frozenset({added}))
        else:
            if gone:
                self._meta(known, gone, target, replaced)
            self._meta(known, (unlink,), source, inode)
            self._meta(known, (link,), target, inode)

    def _write(self, entry: Write, known: list[Atom]) -> None:
        inode, make = entry.inode, self._implied
        end = entry.offset + len(entry.data)
        if end > entry.size and self._blocks.is_mapped(entry):
            # the block is there already: the size may get there at once, and the bytes when they come
            self._meta(known, (Resize(inode, end, make, grow=True),), (), inode, resizes=True)
        variants: list[tuple[Effect, ...]] = [(Data(inode, entry.offset, entry.data, make),)]
        if self.model.nuls:
            variants.append((Data(inode, entry.offset, bytes(len(entry.data)), make),))
        if self.model.halves:
            variants.append((Data(inode, entry.offset, entry.data[: len(entry.data) // 2], make),))
        self._new(known, Atom(0, 0, DATA, tuple(dict.fromkeys(variants)), frozenset(), inode))

    def is_mapped(self, entry: Write) -> bool:
        """Whether the block where a write begins is on disk already, and was not cut off since."""
        content = self.base.get(entry.inode)
        size = len(content) if isinstance(content, bytes) else 0
        for atom in self.atoms:
            if atom.inode != entry.inode:
                continue
            for effect in atom.whole:
                if isinstance(effect, Resize) and not effect.grow:
                    size = min(size, effect.size)
                elif isinstance(effect, (Data, Resize)) and atom.number in self.durable:
                    end = effect.offset + len(effect.data) if isinstance(effect, Data) else effect.size
                    size = max(size, end)
        return size > entry.offset // BLOCK * BLOCK

    def _meta(
        self,
        known: list[Atom],
        effects: tuple[Effect, ...],
        directories: Collection[int],
        inode: int,
        replaced: int = 0,
        needs: frozenset[int] = frozenset(),
        resizes: bool = False,
        makes: bool = False,
        replaces_file: bool = False,
    ) -> int:
        where = frozenset(directories)
        atom = Atom(0, 0, META, (effects,), where, inode, replaced, needs, resizes, makes, replaces_file)
        return self._new(known, atom)

    def _new(self, known: list[Atom], atom: Atom) -> int:
        """Number an atom and work out what it needs."""
        before = self.model.before
        needs = {e.number for e in known if e.number not in self.poisoned and before(e, atom)}
        numbered = replace(atom, number=self._next, entry=self._entries, needs=atom.needs | frozenset(needs))
        self._next += 1
        self.atoms.append(numbered)
        known.append(numbered)  # what is added next by the same entry comes after it
        return numbered.number

    # -- syncs -----------------------------------------------------------------------------------------------

    def _sync(self, entry: Sync | SyncAll, known: list[Atom]) -> None:
        if isinstance(entry, SyncAll):
            self._persist(known)
        elif entry.failed:
            self.poisoned |= {
                a.number for a in known if a.kind is DATA and a.inode == entry.inode and a.number not in self.durable
            }
        else:
            self._persist([a for a in known if self._wanted(entry, a)])

    def _wanted(self, sync: Sync, atom: Atom) -> bool:
        if atom.inode == sync.inode and (atom.kind is DATA or atom.resizes or atom.makes):
            return True
        if sync.content_only:
            return False
        if self.model.journal and atom.kind is META:
            return sync.inode in atom.touched
        return sync.inode in atom.directories

    def _persist(self, wanted: list[Atom]) -> None:
        """Make these durable, and whatever they need; never what is poisoned."""
        by_number = {a.number: a for a in self.atoms}
        todo = [a.number for a in wanted]
        while todo:
            number = todo.pop()
            if number in self.durable or number in self.poisoned or number not in by_number:
                continue
            self.durable.add(number)
            todo += by_number[number].needs
        self._fold()

    def _fold(self) -> None:
        """Durable atoms with nothing before them that may be missing go into the base."""
        done = 0
        while done < len(self.atoms) and self.atoms[done].number in self.durable:
            for effect in self.atoms[done].whole:
                effect.apply(self.base)
            self.durable.discard(self.atoms[done].number)
            done += 1
        if done:
            gone = {a.number for a in self.atoms[:done]}
            self.atoms = [replace(a, needs=a.needs - gone) if a.needs & gone else a for a in self.atoms[done:]]

    def pending(self) -> list[Atom]:
        """The atoms that may be found or not."""
        return [a for a in self.atoms if a.number not in self.durable]


def _in_blocks(entry: Write) -> list[Write]:
    if len(entry.data) <= BLOCK:
        return [entry]
    parts = []
    offset, end, size = entry.offset, entry.offset + len(entry.data), entry.size
    while offset < end:
        stop = min(end, (offset // BLOCK + 1) * BLOCK)
        data = entry.data[offset - entry.offset : stop - entry.offset]
        parts.append(Write(entry.inode, offset, data, size))
        offset, size = stop, max(size, stop)
    return parts
