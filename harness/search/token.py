"""Tokens: a schedule written down, short enough to paste.

    IMPLEMENTATION/SCENARIO/1.CHECK.SCHEDULE[.OPTIONS[.STOP...]]

``1`` is the version of the format. SCHEDULE holds only where it leaves the default schedule: for each deviation the
number of choices let pass since the last one, then a letter for the option taken (b is the second). CHECK is a
checksum of all the other parts, then a fingerprint of the trace, so that a damaged token and one that no longer fits
the program are told apart. OPTIONS are what else decided the execution, e.g. ``t2f1``: two early time-outs and one
fault at most. Each STOP is a crash, e.g. ``x12:ext4:0f3a91c2d4``: after twelve steps, and what was found on disk, by
model and digest; ``@12b7c`` behind it is the schedule of a recovery that crashes, where it leaves the default one.
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
_STOP = re.compile(
    r"\.x(\d{1,9})((?:_\d[\d-]{0,40}=\d{1,9})*):([a-z0-9+]{1,20}):([0-9a-f]{10})(?:@((?:\d{1,9}[b-zA-Z])+))?"
)
_TAIL = re.compile(rf"(-|(?:\d{{1,9}}[b-zA-Z])+)\.t(\d{{1,9}})(?:f(\d{{1,9}}))?((?:{_STOP.pattern})*)")


@dataclass(frozen=True)
class Stop:
    """Everything stops: a crash.

    Attributes:
        steps: how many were taken before.
        model: of the disk, by name.
        digest: of the state that was found.
        missing: tasks whose last step was stopped in the middle, with how many of its changes had not come.
        schedule: of the recovery that crashed; empty for the first crash, whose schedule is the token's.
    """

    steps: int
    model: str
    digest: str
    missing: tuple[tuple[str, int], ...] = ()
    schedule: tuple[Deviation, ...] = ()

    def __str__(self) -> str:
        missing = "".join(f"_{key.replace('.', '-')}={count}" for key, count in self.missing)
        schedule = f"@{_written(self.schedule)}" if self.schedule else ""
        return f".x{self.steps}{missing}:{self.model}:{self.digest}{schedule}"


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
        stops: the crashes.
    """

    implementation: str
    scenario: str
    schedule: tuple[Deviation, ...]
    timeouts: int
    fingerprint: str = ""
    faults: int = 0
    stops: tuple[Stop, ...] = ()

    def __str__(self) -> str:
        body = _written(self.schedule) or "-"
        options = f"t{self.timeouts}" + (f"f{self.faults}" if self.faults else "")
        rest = f"{self.fingerprint}.{body}.{options}{''.join(map(str, self.stops))}"
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
    stops = tuple(
        Stop(int(steps), model, digest, _missing(missing), _read(schedule))
        for steps, missing, model, digest, schedule in _STOP.findall(form[4])
    )
    return Token(head, scenario, _read(form[1]), int(form[2]), checks[3:], int(form[3] or 0), stops)


def _written(schedule: tuple[Deviation, ...]) -> str:
    return "".join(f"{gap}{_LETTERS[option]}" for gap, option in schedule)


def _read(text: str) -> tuple[Deviation, ...]:
    return tuple((int(gap), _LETTERS.index(letter)) for gap, letter in _SCHEDULE.findall(text))


def _missing(text: str) -> tuple[tuple[str, int], ...]:
    parts = (part.partition("=") for part in text.split("_") if part)
    return tuple((key.replace("-", "."), int(count)) for key, _, count in parts)


def fingerprint(steps: list[Operation]) -> str:
    """Three characters of what happened: who did what to which resource, in order."""
    text = "\n".join(f"{s.task.key} {s.kind} {s.resource} {s.outcome}" for s in steps)
    return _digest(text)


def _digest(text: str) -> str:
    value = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return "".join(_DIGITS[(value >> shift) & 31] for shift in (0, 5, 10))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
