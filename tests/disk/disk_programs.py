"""Small random programs of file operations, as journals."""

from __future__ import annotations

import random

from harness.disk import Journal, state_of
from harness.disk.table import ROOT

DIRECTORIES = ("", "p", "q")
NAMES = ("a", "b")


def program(seed: int, length: int = 7) -> Journal:
    """A journal of up to ``length`` operations on two names in three directories; some of it is there before."""
    rng = random.Random(seed)
    journal = Journal(state_of([("p", None), ("q", None), ("p/a", b"OLD"), ("a", b"")]))
    while len(journal.entries) < length:
        _one(journal, rng)
    return journal


def _one(journal: Journal, rng: random.Random) -> None:
    files = [p for p in _paths() if isinstance(journal.memory.get(journal.inode(p)), bytes)]
    free = [p for p in _paths() if not journal.inode(p)]
    kind = rng.choice(
        ("create", "write", "write", "rename", "rename", "unlink", "truncate", "link", "fsync", "dirsync")
    )
    if kind == "create" and free:
        journal.create(rng.choice(free))
    elif kind == "dirsync":
        journal.fsync(rng.choice(DIRECTORIES))
    elif not files:
        return
    elif kind == "write":
        file = rng.choice(files)
        size = journal.size(journal.inode(file))
        journal.write(file, bytes(rng.choices(b"xyz", k=rng.randint(1, 3))), rng.randint(0, size))
    elif kind == "truncate":
        journal.truncate(rng.choice(files), rng.randint(0, 2))
    elif kind == "rename":
        journal.rename(rng.choice(files), rng.choice(_paths()))
    elif kind == "link" and free:
        journal.link(rng.choice(files), rng.choice(free))
    elif kind == "unlink":
        journal.unlink(rng.choice(files))
    elif kind == "fsync":
        journal.fsync(rng.choice(files), failed=rng.random() < 0.2)


def _paths() -> list[str]:
    return [f"{directory}/{name}".strip("/") for directory in DIRECTORIES for name in NAMES]


__all__ = ["ROOT", "program"]
