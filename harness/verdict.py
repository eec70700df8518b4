"""Verdicts: what may be claimed after a search (DESIGN section 2)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence


class Verdict(enum.Enum):
    """What a search lets us claim about a rule or a program. Only PROVED and BOUNDED pass."""

    PROVED = "PROVED"
    """Every trace explored, nothing broken."""
    BOUNDED = "BOUNDED"
    """Nothing broken within the stated bounds."""
    BROKEN = "BROKEN"
    """A rule or an assertion fails, with a token."""
    INCONCLUSIVE = "INCONCLUSIVE"
    """A budget ran out, it was only sampled, or something ran outside our control."""
    VACUOUS = "VACUOUS"
    """No two tasks ever did dependent operations, or the checked thing was never reached."""
    NOT_APPLICABLE = "N/A"
    """The rule does not apply here."""

    @property
    def passes(self) -> bool:
        """Whether the verdict may turn a build green."""
        return self in (Verdict.PROVED, Verdict.BOUNDED, Verdict.NOT_APPLICABLE)

    def __str__(self) -> str:
        return self.value


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """The process exit code for these verdicts: 0 all pass, 1 something BROKEN (wins), 3 otherwise."""
    seen = set(verdicts)
    if Verdict.BROKEN in seen:
        return 1
    return 0 if seen and all(verdict.passes for verdict in seen) else 3


_WORST_FIRST = (
    Verdict.BROKEN,
    Verdict.INCONCLUSIVE,
    Verdict.VACUOUS,
    Verdict.BOUNDED,
    Verdict.PROVED,
    Verdict.NOT_APPLICABLE,
)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """What may be claimed of all of them together; VACUOUS of none."""
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), Verdict.VACUOUS)
