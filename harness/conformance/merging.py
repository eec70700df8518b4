"""Several reports of one loader, each over a part of the scenarios, as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from .discovery import scenarios
from .record import FORMAT, REPORT, Part, Record, assemble
from .stored import read


def read_report(path: Path) -> Record:
    """A ``report.json``, or that in a folder.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    return read(path / REPORT if path.is_dir() else path, Record, "a report", FORMAT)


def merged(paths: Sequence[Path]) -> Record:
    """The record of all of them, scenarios in the order of the catalogue.

    Raises:
        UsageError: one cannot be read, they are of different loaders, or two are of one scenario.
    """
    records = [read_report(path) for path in paths]
    first = records[0]
    places = {name: number for number, name in enumerate(scenarios())}
    parts: dict[str, Part] = {}
    for path, record in zip(paths, records):
        if record.implementation != first.implementation:
            who, other = (f"{w.name} {w.version}".strip() for w in (first.implementation, record.implementation))
            raise UsageError(f"{paths[0]} is of {who}, {path} of {other}; they cannot be one report")
        for scenario in record.scenarios:
            if scenario.name in parts:
                raise UsageError(f"{path} is of scenario {scenario.name} as another is; give each shard once")
            mine = [f for f in record.findings if scenario.name == f.scenario]
            parts[scenario.name] = Part(scenario, mine, 0)
    ordered = sorted(parts.values(), key=lambda part: places.get(part.scenario.name, len(places)))
    left = [name for record in records for name in record.unfinished]
    return assemble(first.implementation, ordered, places, left)
