"""What an adapter must give: a loader on a package of given jobs, and what a user of it would see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .scenario import Scenario
from .script import Script


@dataclass(frozen=True)
class Shared:
    """A class whose attributes are read and written by more than one thread.

    Attributes:
        owner: the class; subclasses follow.
        attributes: their names.
        label: a name for an object, the same from run to run: the job's name.
    """

    owner: type
    attributes: tuple[str, ...]
    label: Callable[[Any], str]


@dataclass(frozen=True)
class Layout:
    """Where a loader keeps things, below the sandbox root.

    Attributes:
        package: the package's directory while it is loaded (``normalized/1.0``).
        finalised: its directory afterwards (``loaded/1.0``).
        marker_of: the job whose marker is at this path, or None.
        state: the attribute by which a job's state is published.
        finished: the attribute with the time at which it finished.
        error: the attribute with the error that ended the attempt.
    """

    package: str
    finalised: str
    marker_of: Callable[[str], str | None]
    state: str = "_state"
    finished: str = "_finished_at"
    error: str = "_exception"


class World(Protocol):
    """One loader under one scenario. Made once an exploration; `lay_down` starts each execution afresh."""

    layout: Layout
    script: Script

    @property
    def reports(self) -> tuple[type[BaseException], ...]:
        """The errors by which the loader says that jobs have failed."""

    def shared(self) -> Sequence[Shared]:
        """Attributes through which its threads talk."""

    def prepare(self) -> None:
        """Once, outside any execution: warm up imports and caches."""

    def close(self) -> None:
        """Undo `prepare`."""

    def lay_down(self) -> None:
        """Before each execution, outside of it: a fresh package in an empty sandbox."""

    def run(self) -> object:
        """In the main task: make a loader as its users do and run it to the end. May raise what it raises."""

    def job(self, name: str) -> Any:
        """The job object of the current attempt; None before it was made."""

    def evidence(self, name: str) -> bool:
        """Whether a restart would find that the job is done. Reads the disk."""

    def marker(self, name: str) -> bool:
        """Whether the job's marker is in place and valid. Reads the disk."""


class Implementation(Protocol):
    """A loader under test, reached through an adapter."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def version(self) -> str:
        """Of the loader."""

    @property
    def breaks(self) -> str:
        """For a variant: the rule that it is made to break; else empty."""

    @property
    def scenario(self) -> str:
        """For a variant: the scenario in which it breaks it; else empty."""

    def world(self, scenario: Scenario, root: str) -> World:
        """The loader on a sandbox."""
