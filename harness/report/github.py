"""GitHub Actions: annotations on standard output, and the summary of the job."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..conformance.record import Finding, Record
from ..contract.monitor import title
from ..errors import UsageError
from .markdown import markdown

SHOWN = 10
"""Annotations of a kind that GitHub shows for one step."""
MOST = 1024 * 1024
"""Bytes that a summary may have."""


def annotated(record: Record, workspace: str = "") -> list[str]:
    """A line for each new finding and each doubt.

    Args:
        record: what was found.
        workspace: the checkout; files below it are named, so that the annotation stands in the code.
    """
    who = f"{record.implementation.name} {record.implementation.version}".strip()
    errors = [_error(finding, who, workspace) for finding in record.findings if not _known(record, finding)]
    gone = record.baseline.vanished if record.baseline is not None else []
    errors += [_line("error", f"{cause} is in the baseline and is found no more", title=who) for cause in gone]
    warnings = [_line("warning", doubt, title=who) for doubt in _doubts(record)]
    return [*_first(errors), *_first(warnings)]


def _first(lines: list[str]) -> list[str]:
    left = len(lines) - SHOWN
    more = [_line("notice", f"{left} more are in the summary of the job")] if left > 0 else []
    return [*lines[:SHOWN], *more]


def _known(record: Record, finding: Finding) -> bool:
    return record.baseline is not None and finding.cause in record.baseline.known


def _doubts(record: Record) -> Iterator[str]:
    if record.baseline is not None:
        yield from record.baseline.doubts
    else:
        for each in record.scenarios:
            yield from (f"{doubt.verdict} {each.name}: {doubt.reason}" for doubt in each.doubts)


def _error(finding: Finding, who: str, workspace: str) -> str:
    place = _place(finding, workspace)
    text = f"{finding.error}\nscenario {finding.scenario}; {finding.replay}"
    named = title(finding.rule) if finding.rule else finding.kind
    return _line("error", text, **place, title=f"{named}: {who}")


def _place(finding: Finding, workspace: str) -> dict[str, str]:
    """File and line of the failing step, or of the last one before it that is in the checkout."""
    if not workspace:
        return {}
    here = os.path.realpath(workspace) + os.sep
    for step in reversed(finding.steps[: finding.step or None]):
        path, _, line = (step.site or "").rpartition(":")
        path = os.path.realpath(path) if path else ""
        if path.startswith(here) and "site-packages" not in path:
            return {"file": path[len(here) :], "line": line}
    return {}


def _line(kind: str, text: str, **properties: str) -> str:
    said = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items() if value)
    return f"::{kind}{' ' if said else ''}{said}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    """As the runner reads it; of a property ``:`` and ``,`` too."""
    for letter in "%\r\n" + more:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def append_summary(record: Record, path: str) -> None:
    """Add the report to the job's summary.

    Raises:
        UsageError: the file cannot be written.
    """
    text = markdown(record).encode("utf-8", "backslashreplace")
    try:
        with open(path, "ab") as file:
            room = MOST - file.tell()
            if len(text) > room:
                end = b"\n\n```\n\nCut here: a summary has at most 1 MiB. The whole is in report.md.\n"
                text = text[: max(0, room - len(end))].decode("utf-8", "ignore").encode() + end
            file.write(text)
    except OSError as error:
        raise UsageError(f"the job's summary {path} cannot be written: {error.strerror or error}") from error
