"""A verification from the names of loader and scenarios to its record, in one process or in several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ..conformance.baseline import Baseline, compare
from ..conformance.record import Part, Record, assemble
from ..conformance.registry import implementation
from ..conformance.scenario import Scenario, available
from ..conformance.spread import spread
from ..conformance.suite import Search, Spectator, verify_all
from .document import part_of, who


@dataclass(frozen=True)
class Verification:
    """What a verification says, and what it took.

    Attributes:
        record: what it says.
        seconds: for each scenario, by name.
    """

    record: Record
    seconds: dict[str, float]

    def against(self, baseline: Baseline) -> Verification:
        """The same, compared with a baseline."""
        record = msgspec.structs.replace(self.record, baseline=compare(self.record, baseline))
        return Verification(record, self.seconds)


@dataclass(frozen=True)
class _Task:
    loader: str
    scenario: Scenario
    search: Search


def verification(
    name: str, scenarios: Sequence[Scenario], search: Search, processes: int = 1, spectator: Spectator | None = None
) -> Verification:
    """Verify a loader; Ctrl-C keeps what is done.

    Args:
        name: of the loader.
        scenarios: what is tried.
        search: how.
        processes: how many scenarios at once, each in a process of its own.
        spectator: told how far it is.

    Raises:
        UsageError: there is no such loader, or the search makes no sense.
        AdapterError: the adapter failed, not the loader.
    """
    loader = implementation(name)
    parts: dict[str, Part] = {}
    if processes > 1 and len(scenarios) > 1:
        _in_parallel(parts, name, scenarios, search, processes, spectator)
    else:
        suite = verify_all(loader, scenarios, search, spectator)
        parts = {report.scenario.name: part_of(report) for report in suite.reports}
    done = [parts[each.name] for each in scenarios if each.name in parts]
    left = [each.name for each in scenarios if each.name not in parts]
    record = assemble(who(loader), done, available(), left)
    return Verification(record, {part.scenario.name: part.seconds for part in done})


def _in_parallel(
    parts: dict[str, Part],
    name: str,
    scenarios: Sequence[Scenario],
    search: Search,
    processes: int,
    spectator: Spectator | None,
) -> None:
    tasks = [_Task(name, each, search) for each in scenarios]
    try:
        for number, part in spread(_verify_one, tasks, processes):
            if part is not None:
                parts[scenarios[number].name] = part
            if spectator is not None:
                spectator.begins(scenarios[number])
    except KeyboardInterrupt:
        pass


def _verify_one(task: _Task) -> Part | None:
    """In a worker; None where it was stopped."""
    suite = verify_all(implementation(task.loader), [task.scenario], task.search)
    return part_of(suite.reports[0]) if suite.reports else None
