"""Levels of conformance: which rules must hold for which claim (DESIGN section 4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A claim about a loader. It includes all lower ones.

    Attributes:
        number: from 1.
        name: a few words.
        rules: that it adds, by number; whether or not this loadloom has a monitor for them yet.
    """

    number: int
    name: str
    rules: tuple[str, ...]


def _rules(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"C{number}" for number in range(first, last + 1))


LEVELS = (
    Level(1, "ordering", _rules(1, 5)),
    Level(2, "liveness and errors", _rules(6, 12)),
    Level(3, "process crash", _rules(13, 17)),
    Level(4, "power loss", _rules(18, 18)),
    Level(5, "exactly once", _rules(19, 19)),
)
