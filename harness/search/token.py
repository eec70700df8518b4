"""Tokens: a schedule written down, short enough to paste.

    IMPLEMENTATION/SCENARIO/1.CHECK.SCHEDULE[.OPTIONS]

``1`` is the version of the format. SCHEDULE holds only where it leaves the default schedule: for each deviation the
number of choices let pass since the last one, then a letter for the option taken (b is the second). CHECK is a
checksum of all the other parts, then a fingerprint of the trace, so that a damaged token and one that no longer fits
the program are told apart. OPTIONS are what else decided the execution, e.g. ``t2f1``: two early time-outs and one
fault at most.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from ..errors import UsageError
from ..trace import Operation
from .replay import Deviation

VERSION = "1"
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SCHEDULE = re.compile(r"(\d+)([b-zA-Z])")
_TAIL = re.compile(r"(-|(?:\d{1,9}[b-zA-Z])+)\.t(\d{1,9})(?:f(\d{1,9}))?")


@dataclass(frozen=True)
class Token:
    """A schedule of one scenario of one implementation.

    Attributes:
        implementation: e.g. ``dlt`` or ``refimpl:late-write``; the module of the program for `harness.explore`.
        scenario: its name; the program's qualified name for `harness.explore`.
        schedule: the deviations.
        timeouts: early time-outs allowed in the execution.
        fingerprint: of the trace; empty for one that was never run.
        faults: allowed in the execution.
    """

    implementation: str
    scenario: str
    schedule: tuple[Deviation, ...]
    timeouts: int
    fingerprint: str = ""
    faults: int = 0

    def __str__(self) -> str:
        body = "".join(f"{gap}{_LETTERS[option]}" for gap, option in self.schedule) or "-"
        options = f"t{self.timeouts}" + (f"f{self.faults}" if self.faults else "")
        rest = f"{self.fingerprint}.{body}.{options}"
        head = f"{self.implementation}/{self.scenario}"
        return f"{head}/{VERSION}.{_digest(head + '/' + rest)}{rest}"


def parse(text: str) -> Token:
    """Read a token.

    Raises:
        UsageError: it is no token, damaged, or of a format that this version does not know.
    """
    parts = text.strip().rsplit("/", 1)
    head, slash, scenario = parts[0].rpartition("/")
    if len(parts) != 2 or not slash or not head or not scenario:
        raise UsageError(f"not a token: {_short(text)!r}; one looks like refimpl/shared-wakeup/1.k3f9ab.12b7c.t1")
    version, _, rest = parts[1].partition(".")
    if version != VERSION:
        raise UsageError(f"token version {_short(version)!r} is not known here; this loadloom reads version {VERSION}")
    checks, _, tail = rest.partition(".")
    form = _TAIL.fullmatch(tail)
    if form is None or checks[:3] != _digest(f"{parts[0]}/{checks[3:]}.{tail}"):
        raise UsageError(f"the token is damaged: its checksum does not match ({_short(text)!r}); copy it again")
    schedule = tuple((int(gap), _LETTERS.index(letter)) for gap, letter in _SCHEDULE.findall(form[1]))
    return Token(head, scenario, schedule, int(form[2]), checks[3:], int(form[3] or 0))


def fingerprint(steps: list[Operation]) -> str:
    """Three characters of what happened: who did what to which resource, in order."""
    text = "\n".join(f"{s.task.key} {s.kind} {s.resource} {s.outcome}" for s in steps)
    return _digest(text)


def _digest(text: str) -> str:
    value = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return "".join(_DIGITS[(value >> shift) & 31] for shift in (0, 5, 10))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
