"""C12: all executions with the same jobs and faults come to the same. Judged over all of them together.

The outcome that an execution is held against is that of the default order with the same faults. So a token of a
finding shows it by itself: whoever replays it runs the default order first.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..trace import Failure
from .monitor import Monitor

Key = tuple[tuple[str, str], ...]
"""The faults of an execution: places and kinds, sorted."""


@dataclass(frozen=True)
class Outcome:
    """What an execution came to.

    Attributes:
        states: the last published state of each job.
        package: where the package is.
        error: the type of what the loader raised; empty where it returned.
    """

    states: tuple[tuple[str, str], ...]
    package: str
    error: str

    def __str__(self) -> str:
        states = ", ".join(f"{job} {state}" for job, state in self.states)
        return f"{states}; package in {self.package}; " + (f"raises {self.error}" if self.error else "returns")


class OrderFree(Monitor):
    """C12. Sees nothing by itself: `Agreement` compares what executions came to."""

    rule = "C12"

    def see(self, event: object) -> None:
        """Nothing can be said within one execution."""


class Agreement:
    """The outcome of each set of faults that was met."""

    def __init__(self) -> None:
        self._known: dict[Key, Outcome] = {}
        self.judged = 0

    def knows(self, key: Key) -> bool:
        """Whether there is something to compare with."""
        return key in self._known

    def learn(self, key: Key, outcome: Outcome) -> None:
        """This is what the others are held against."""
        self._known[key] = outcome

    def judge(self, key: Key, outcome: Outcome, step: int) -> Failure | None:
        """How an execution differs; None where it does not, or where there is nothing to compare with."""
        expected = self._known.get(key)
        if expected is None:
            return None
        self.judged += 1
        if outcome == expected:
            return None
        faults = "; ".join(f"{place} breaks: {kind}" for place, kind in key)
        return Failure(
            "rule",
            f"outcome depends on the order: {outcome}",
            rule="C12",
            where=_difference(expected, outcome),
            step=step,
            expected=f"as in the default order{f' with {faults}' if faults else ''}: {expected}",
        )


def _difference(expected: Outcome, found: Outcome) -> str:
    """In which part two outcomes differ: what tells causes apart."""
    parts = [f"{job} {state}" for (job, state), other in zip(found.states, expected.states) if (job, state) != other]
    if found.package != expected.package:
        parts.append(f"package in {found.package}")
    if found.error != expected.error:
        parts.append(f"raises {found.error}" if found.error else "returns")
    return ", ".join(parts)
