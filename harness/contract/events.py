"""What rules speak of: events of a loader, and the view that an observer has of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ..trace import Operation

RUN = "run"
"""The destination runs a job."""
MARKER = "marker"
"""A job's marker is written into place (or the attempt to)."""
MARKER_GONE = "marker gone"
"""A job's marker is removed."""
FINISHED = "finished"
"""A job's `finished_at` is set."""
STATE = "state"
"""A job's state is published."""
WAKE = "wake-up"
"""A worker releases the done event."""
FINALISE = "finalise"
"""The package is renamed from `normalized` to `loaded` (or the attempt to)."""
TOUCH = "touch"
"""Something under the package's path in `normalized` is created, written, renamed or deleted."""
CALLBACK = "callback"
"""A job's callback is called."""
LOOK = "look"
"""Somebody reads a job's state."""
EXPIRED = "expired"
"""The loader's wait for a job ends because nothing else can happen."""
RETURN = "return"
"""The call that runs the loader has returned, or raised."""

TERMINAL = ("completed", "failed")


@dataclass(frozen=True)
class Event:
    """A step in the words of the contract.

    Attributes:
        kind: one of the constants of this module.
        job: the job concerned; empty where it is the package.
        step: the step that it is.
        path: the path touched, below the sandbox root; empty where none is.
    """

    kind: str
    job: str
    step: Operation
    path: str = ""


class View(Protocol):
    """What somebody who looks at the loader now would see. Looking is no step."""

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs of the package."""

    def state(self, job: str) -> str | None:
        """The published state of the job's current attempt: ready, running, completed, failed, retry."""

    def finished(self, job: str) -> bool:
        """Whether `finished_at` of the current attempt is set."""

    def evidence(self, job: str) -> bool:
        """Whether a restart would find that the job is done."""

    def marker(self, job: str) -> bool:
        """Whether the job's marker is in place and valid."""

    def location(self) -> str:
        """Where the package is: ``normalized``, ``loaded``, ``both`` or ``none``."""

    def resources(self, kind: str) -> tuple[str, ...]:
        """The resources, over all jobs, that events of this kind write."""

    def destination_error(self, job: str) -> BaseException | None:
        """What the destination, or its client, raised first in the job's last attempt, before the data was in."""

    def callback_error(self, job: str) -> BaseException | None:
        """What the callback raised in the job's last attempt."""

    def recorded_error(self, job: str) -> BaseException | None:
        """The error that the job's object shows."""

    def left_with(self, job: str) -> BaseException | None:
        """What left the worker's part of the job's last attempt."""

    def commits(self, job: str) -> int:
        """How often the job's data was committed."""

    def raised(self) -> BaseException | None:
        """What the call that ran the loader has raised."""


def came_of(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and all that it came of or came after."""
    seen: set[int] = set()
    left = [error]
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += [each.__context__, each.__cause__]
