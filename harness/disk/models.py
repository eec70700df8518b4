"""Disk models: what may be durable without what.

They differ in one question only: must update p be durable for update a to be? From PROC to SPLIT each allows whatever
the one before it allows (`docs/disk-model.md`; a test holds it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UsageError
from .atom import DATA, META, Atom

Rule = Callable[[Atom, Atom], bool]


def _nothing(_: Atom, __: Atom) -> bool:
    return False


def _content(earlier: Atom, later: Atom) -> bool:
    """Content of a file goes out in the order in which it was written and cut."""
    return later.kind is DATA and (earlier.kind is DATA or earlier.resizes) and earlier.inode == later.inode


def _one_journal(earlier: Atom, later: Atom) -> bool:
    if earlier.kind is META and later.kind is META:
        return True
    return _content(earlier, later)


def _with_da_alloc(earlier: Atom, later: Atom) -> bool:
    return _one_journal(earlier, later) or (
        later.replaces_file and earlier.kind is DATA and earlier.inode == later.inode
    )


def _by_directory(earlier: Atom, later: Atom) -> bool:
    if earlier.kind is META and later.kind is META:
        both_cut = earlier.resizes and later.resizes and earlier.inode == later.inode
        return both_cut or not earlier.directories.isdisjoint(later.directories)
    return _content(earlier, later)


@dataclass(frozen=True)
class Model:
    """One answer.

    Attributes:
        name: as ``--disk-model`` takes it.
        stands_for: which systems behave so.
        before: must the first be durable for the second to be?
        process: the machine goes on: what is found is what the process saw.
        journal: one journal for all names: a sync makes all earlier changes of names durable too.
        nuls, halves: whether a write that was not synced may be found as NULs of its length, or half.
        rename: ``whole``, ``link first`` (both names may be found), ``apart`` (neither may be found).
        apart: an inode and its name come and go apart from each other; freed blocks are reused.
    """

    name: str
    stands_for: str
    before: Rule = _nothing
    process: bool = False
    journal: bool = False
    nuls: bool = False
    halves: bool = False
    rename: str = "whole"
    apart: bool = False


PROC = Model("proc", "SIGKILL, os._exit, the OOM killer", process=True)
EXT4_DA = Model("ext4+da", "ext4 as it is mounted by default", _with_da_alloc, journal=True)
EXT4 = Model("ext4", "ext4 without auto_da_alloc, XFS", _one_journal, journal=True)
DIRSEQ = Model("dirseq", "btrfs, portable POSIX", _by_directory, nuls=True)
WEAK = Model("weak", "anything with an atomic rename", nuls=True, halves=True)
DUP = Model("dup", "btrfs after a sync of one of two directories", nuls=True, halves=True, rename="link first")
SPLIT = Model("split", "ext4 without a journal", nuls=True, halves=True, rename="apart", apart=True)

MODELS: dict[str, Model] = {m.name: m for m in (PROC, EXT4_DA, EXT4, DIRSEQ, WEAK, DUP, SPLIT)}
"""By name, from the least that may be lost to the most."""


def model_named(name: str) -> Model:
    """The model of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in MODELS:
        raise UsageError(f"no disk model {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]
