"""What the destination, its client and the callback do with each attempt at a job: the words of a scenario.

An outcome says which places break, and how: ``success``; ``slow``; a *kind* (``terminal``: in `run`); a kind at a
place (``interrupt@enter``); several of them (``terminal+error@callback``: first the destination, then the callback).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SUCCESS, SLOW = "success", "slow"
TRANSIENT, TERMINAL, ERROR = "transient", "terminal", "error"
INTERRUPT, EXIT, GENERATOR_EXIT = "interrupt", "exit", "generator exit"

CREATE, CONSTRUCTOR, ENTER, RUN, COMMIT, LEAVE = "create", "constructor", "enter", "run", "commit", "leave"
CALLBACK, CALLED = "callback", "called"
LEDGER, READ_BACK = "ledger", "read back"
PREPARE, RECORD, RECORDED = "prepare", "record", "recorded"

KINDS: Mapping[str, str] = MappingProxyType(
    {
        TRANSIENT: "an error after which the job may be tried again",
        TERMINAL: "an error that every further attempt would meet",
        ERROR: "an OSError; what else can go wrong in a callback",
        INTERRUPT: "KeyboardInterrupt",
        EXIT: "SystemExit",
        GENERATOR_EXIT: "GeneratorExit: any other BaseException",
    }
)
"""How a place may break."""

JOB_PLACES: Mapping[str, str] = MappingProxyType(
    {
        CREATE: "the job's object is made, by the loader",
        CONSTRUCTOR: "the client is made, in the job's worker",
        ENTER: "the client is entered",
        RUN: "the job's data is loaded; nothing is committed yet",
        COMMIT: "the data is committed, and the answer gets lost",
        LEAVE: "the client is left; the data is committed",
        LEDGER: "the ledger takes down that a job has failed for good",
        READ_BACK: "the ledger is asked what became of a job",
        CALLBACK: "the callback is called; nothing is written yet",
        CALLED: "the callback has written the marker, and raises",
    }
)
"""Places of a job that may break."""

LOAD_PLACES: Mapping[str, str] = MappingProxyType(
    {
        PREPARE: "the destination gets ready for the package",
        RECORD: "the load is recorded; nothing is committed yet",
        RECORDED: "the record is committed, and the answer gets lost",
    }
)
"""Places of a package that may break."""

FILES, MARKER, SIGNAL = "files", "marker", "signal"
OTHER_PLACES: Mapping[str, str] = MappingProxyType(
    {
        FILES: "any operation on a file below the loader's root",
        MARKER: "an operation on a file within the callback",
        SIGNAL: "before any step of the loader's thread: SIGINT and SIGTERM",
    }
)

PLACES: Mapping[str, str] = MappingProxyType({**JOB_PLACES, **LOAD_PLACES, **OTHER_PLACES})
"""Every place where a scenario may let a fault be chosen (`Scenario.at`)."""

BEFORE_COMMIT = (CREATE, CONSTRUCTOR, ENTER, RUN)
"""Places whose error is that of the attempt: the data is not in."""
OF_LEDGER = (COMMIT, LEDGER, READ_BACK)
"""Places that only a destination with a ledger can get over: without one, a commit without an answer is a guess."""
FROM_CALLBACK = (CALLBACK, CALLED)


def kinds_at(place: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Which of ``kinds`` make sense at a place: a callback knows no transient and terminal errors, only errors."""
    if place in FROM_CALLBACK:
        return tuple(dict.fromkeys(ERROR if kind in (TRANSIENT, TERMINAL) else kind for kind in kinds))
    if place in LOAD_PLACES or place in OF_LEDGER:
        return tuple(kind for kind in kinds if kind != TERMINAL)
    return tuple(kind for kind in kinds if kind != ERROR)


def parse(outcome: str) -> dict[str, str]:
    """How each place breaks in an attempt with this outcome.

    Raises:
        ValueError: it is no outcome.
    """
    if outcome == SUCCESS:
        return {}
    found: dict[str, str] = {}
    for part in outcome.split("+"):
        kind, _, place = part.partition("@")
        place = place or RUN
        if place not in JOB_PLACES or kind not in (*KINDS, SLOW) or place in found:
            raise ValueError(
                f"no outcome: {outcome!r}; an outcome is {SUCCESS}, {SLOW}, or KIND@PLACE with KIND one of "
                f"{', '.join(KINDS)} and PLACE one of {', '.join(JOB_PLACES)}, several joined by +"
            )
        found[place] = kind
    return found


@dataclass(frozen=True)
class JobPlan:
    """A job and how the destination takes it, attempt by attempt; the last outcome stays.

    Attributes:
        name: the job's name, the same everywhere.
        outcomes: see `parse`.
    """

    name: str
    outcomes: tuple[str, ...] = (SUCCESS,)

    def breaking(self, attempt: int) -> dict[str, str]:
        """How each place breaks in an attempt, which counts from 1."""
        return parse(self.outcomes[min(attempt, len(self.outcomes)) - 1])

    def meets(self, kinds: tuple[str, ...], places: tuple[str, ...]) -> bool:
        """Whether any attempt is to break in one of these ways at one of these places."""
        return any(
            kind in kinds and place in places for outcome in self.outcomes for place, kind in parse(outcome).items()
        )

    def meets_both(self, first: tuple[str, ...], then: tuple[str, ...]) -> bool:
        """Whether an attempt is to fail for good at one of the first places, and break at one of the others too."""
        outcomes = [parse(outcome) for outcome in self.outcomes]
        return any(
            any(each.get(place) == TERMINAL for place in first) and any(place in each for place in then)
            for each in outcomes
        )


def succeeds(name: str) -> JobPlan:
    """A job that the destination takes."""
    return JobPlan(name)


def fails(name: str) -> JobPlan:
    """A job that the destination refuses for good."""
    return JobPlan(name, (TERMINAL,))


def retries(name: str, times: int = 1) -> JobPlan:
    """A job that succeeds after ``times`` transient failures."""
    return JobPlan(name, (TRANSIENT,) * times + (SUCCESS,))


def slow(name: str) -> JobPlan:
    """A job that takes longer than the loader's poll."""
    return JobPlan(name, (SLOW,))


def breaks(name: str, outcome: str, *then: str) -> JobPlan:
    """A job whose first attempt has this outcome, and later ones those of ``then``; success by default."""
    return JobPlan(name, (outcome, *(then or (SUCCESS,))))
