"""Wakeup trees: the branches that wait at a node, each with what is to follow it (JACM 2017, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq
from typing import Protocol

from ..trace import TIMEOUT, Accesses, conflict

Name = tuple[str, str]
"""A task and how its operation comes out: what can be put to sleep."""


class Event(Protocol):
    """A step of a word: of the execution that was run, or one that is planned."""

    name: Name
    accesses: Accesses

    @property
    def data(self) -> Sequence[int]:
        """The data choices made in it."""


class Branch:
    """A step that waits to be tried, and what is to follow it: a node of a wakeup tree.

    ``data`` are the data choices to make in it; those beyond are open.
    """

    __slots__ = ("accesses", "children", "data", "name")

    def __init__(self, name: Name, accesses: Accesses = (), data: Sequence[int] = ()) -> None:
        self.name = name
        self.accesses = accesses
        self.data: Sequence[int] = tuple(data)
        self.children: list[Branch] = []


def insert(level: list[Branch], word: list[Event]) -> None:
    """Put a word into a wakeup tree, unless a branch there leads to the same traces."""
    while word:
        for branch in level:
            at = initial(word, branch.name, branch.accesses, branch.data)
            if at is None:
                continue
            if not branch.children:
                return
            if at >= 0:
                del word[at]
            level = branch.children
            break
        else:
            for event in word:
                branch = Branch(event.name, event.accesses, event.data)
                level.append(branch)
                level = branch.children
            return


def initial(word: list[Event], name: Name, accesses: Accesses, data: Sequence[int] = ()) -> int | None:
    """Whether a step could come first in some order of a word that means the same (a weak initial).

    Its place in the word; -1 where it is not in there and depends on nothing of it, but is bound to come; None: it
    could not. An early time-out is never bound to come.
    """
    task = name[0]
    for at, event in enumerate(word):
        if event.name[0] == task:
            return at if event.name[1] == name[1] and all(map(eq, event.data, data)) else None
        if conflict(event.accesses, accesses):
            return None
    return -1 if name[1] is not TIMEOUT else None
