"""Operations and traces: the plain data that runtime, search, contract and report share.

A *resource* is a name (``lock 0.1``, ``attr a._state``, ``file normalized/1.0/manifest.json``), stable from run to run.
An *access* is a resource and a mode. Two accesses of one resource conflict unless both are reads or both are
commuting additions: creating two different entries of one directory commutes, listing the directory does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

READ = "r"
WRITE = "w"
ADD = "+"
"""A write that commutes with other additions to the same resource, but not with a read or a write of it."""

Access = tuple[str, str]
Accesses = tuple[Access, ...]

BOOKKEEPING = ("task ", "pool ", "future ", "budget ")
"""Resources of the machinery that starts and ends threads; everybody touches them, nobody races on them."""

GO = "go"
TIMEOUT = "timeout"
"""A timed wait expires although something else could run."""
FORCED = "forced"
"""A timed wait expires because nothing else can run."""


class Operation:
    """One visible operation of one task: announced before it happens, a step of the trace afterwards.

    Attributes:
        kind: what it does (``acquire``, ``rename``, ``write``).
        accesses: the resources that it touches; the first one names it in messages.
        enabled: None where it can always happen, else asked before every choice.
        deadline: virtual time in seconds at which a timed wait expires; None where it never does.
        awaits: the tasks that a blocked task waits for, for the wait-for table.
        detail: what to show of it, e.g. ``state = completed``; None where kind and resource say all.
        task, outcome, index, preempted, site: filled in when it becomes a step.
        fault: how it was made to fail; empty where it was not.
    """

    __slots__ = (
        "accesses",
        "amount",
        "asked",
        "awaits",
        "deadline",
        "detail",
        "enabled",
        "fault",
        "forced",
        "idle",
        "index",
        "kind",
        "lock",
        "outcome",
        "poll",
        "preempted",
        "ready",
        "site",
        "stale",
        "task",
        "woken",
    )

    def __init__(
        self,
        kind: str,
        accesses: Accesses = (),
        enabled: Callable[[], bool] | None = None,
        deadline: float | None = None,
        awaits: Callable[[], Sequence[Any]] | None = None,
        detail: str | None = None,
        lock: bool = False,
        poll: bool = False,
        idle: bool = False,
    ) -> None:
        self.kind = kind
        self.accesses = accesses
        self.asked = accesses  # as announced: what it would touch if it could be done
        self.enabled = enabled
        self.deadline = deadline
        self.awaits = awaits
        self.detail = detail
        self.lock = lock  # taking or giving back a lock is no progress of a poll
        self.poll = poll  # a sleep: a switch at it costs no preemption
        self.amount = 1  # how many a release gives back, or a notify wakes
        self.idle = idle  # waiting here for ever is no deadlock: a pool worker without work
        self.task: Any = None
        self.outcome = GO
        self.index = -1
        self.ready = -1  # number of steps done when it was last found to have become enabled
        self.preempted = False
        self.site: Site | None = None
        self.stale: Any = None
        self.fault = ""
        self.forced = False  # it could happen only because nothing else could
        self.woken: dict[str, Operation] | None = None  # what a poll that saw news had read, and when

    @property
    def resource(self) -> str:
        """The name of the first resource it touches, or an empty string."""
        return self.accesses[0][0] if self.accesses else ""

    def writes(self, resource: str) -> bool:
        """Whether it changes ``resource``."""
        return any(name == resource and mode != READ for name, mode in self.accesses)

    def __repr__(self) -> str:
        who = self.task.name if self.task is not None else "?"
        return f"<{who}: {self.kind} {self.resource}{' times out' if self.outcome == TIMEOUT else ''}>"


@dataclass(frozen=True)
class Site:
    """A place in source code, as the user wrote it."""

    path: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def conflicting(first: str, second: str) -> bool:
    """Whether two access modes of one resource do not commute."""
    return not (first == second and first != WRITE)


def conflict(first: Accesses, second: Accesses) -> bool:
    """Whether some resource is touched by both in ways that do not commute."""
    for name, mode in first:
        for other, other_mode in second:
            if name == other and conflicting(mode, other_mode):
                return True
    return False


def dependent(first: Operation, second: Operation) -> bool:
    """Whether the order of two operations of different tasks can matter."""
    return conflict(first.accesses, second.accesses)


@dataclass(frozen=True)
class Waiting:
    """One line of the wait-for table of a deadlock."""

    task: str
    operation: str
    resource: str
    holders: tuple[str, ...]
    site: Site | None


@dataclass(frozen=True)
class Failure:
    """Something that a search found broken.

    Attributes:
        kind: ``rule``, ``exception``, ``deadlock``, ``livelock``.
        rule: the contract rule, e.g. ``C1``; empty where none is meant.
        error: one line for people.
        subject: the job or package concerned; empty where none is.
        where: what makes two failures of a kind the same (exception type and place, who waits for what).
        step: index of the step at which it was seen; -1 at the end of the execution.
    """

    kind: str
    error: str
    rule: str = ""
    subject: str = ""
    where: str = ""
    step: int = -1
    waiting: tuple[Waiting, ...] = ()
    exception: BaseException | None = None
    expected: str = ""

    @property
    def cause(self) -> tuple[str, str, str]:
        """Two failures with equal causes are one finding."""
        return (self.kind, self.rule, self.where)

    @property
    def key(self) -> str:
        """The cause in words, to keep in a file: no line numbers, no addresses, nothing that moves with the machine."""
        return f"{self.rule or self.kind}/{self.where}"
