"""Failing tokens kept from one run to the next: tried first, and dropped once they fail no longer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import NondeterminismError, UsageError
from ..search.explore import Finding
from ..search.token import parse
from .stored import read, write_whole
from .suite import replay
from .verify import Report

FORMAT: Literal[1] = 1
FOLDER, FILE = ".loadloom", "failing.json"
MOST = 20
"""Tokens kept of one implementation in one scenario."""


class Failing(msgspec.Struct, frozen=True):
    """A token that failed.

    Attributes:
        token: says implementation, scenario and schedule.
        file: where its scenario is, if its name does not find it; else empty.
    """

    token: str
    file: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Implementation and scenario."""
        token = parse(self.token)
        return token.implementation, token.scenario


class _Content(msgspec.Struct):
    format: Literal[1]
    failing: list[Failing]


class Dropped(msgspec.Struct):
    """A token that is not kept any longer, and why."""

    token: str
    why: str


def load(folder: Path) -> list[Failing]:
    """What is kept in a folder.

    Raises:
        UsageError: the file there is damaged.
    """
    path = folder / FILE
    return read(path, _Content, "failing tokens", FORMAT).failing if path.exists() else []


def save(folder: Path, failing: Iterable[Failing]) -> None:
    """Keep tokens; git does not see the folder.

    Raises:
        UsageError: it cannot be written.
    """
    content = sorted(set(failing), key=lambda each: each.token)
    if not content and not folder.exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"failing tokens cannot be kept in {folder}: {error.strerror or error}") from error
    if not (folder / ".gitignore").exists():
        write_whole(folder / ".gitignore", "*\n")
    text = json.dumps(msgspec.to_builtins(_Content(FORMAT, content)), indent=2)
    write_whole(folder / FILE, text + "\n")


def of(failing: Sequence[Failing], implementation: str, scenario: str) -> list[Failing]:
    """Those of one implementation in one scenario. A damaged one is of none."""
    found = []
    for each in failing:
        try:
            if each.place == (implementation, scenario):
                found.append(each)
        except UsageError:
            continue
    return found[:MOST]


def try_first(failing: Sequence[Failing]) -> tuple[list[Finding], list[Dropped]]:
    """Run kept schedules again: what still fails, and what does not."""
    findings: list[Finding] = []
    dropped = []
    for each in failing:
        try:
            again = replay(each.token, each.file)
        except NondeterminismError:
            dropped.append(Dropped(each.token, "it does not fit the program any more"))
            continue
        except UsageError as error:
            dropped.append(Dropped(each.token, str(error)))
            continue
        if not again.failures:
            dropped.append(Dropped(each.token, "it fails no longer"))
        findings += [Finding(failure, 0, again.token.schedule, again.execution) for failure in again.failures]
    return findings, dropped


def add(report: Report, findings: Sequence[Finding]) -> None:
    """Add to a report what the search did not come to by itself."""
    known = {finding.failure.key for finding in report.exploration.findings}
    for finding in findings:
        if finding.failure.key not in known:
            known.add(finding.failure.key)
            report.add(finding)
