"""A verification from the names of loader and scenarios to its record, in one process or in several."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from ..conformance import kept
from ..conformance.baseline import Baseline, compare
from ..conformance.kept import Failing
from ..conformance.record import Part, Record, assemble
from ..conformance.registry import implementation
from ..conformance.scenario import Scenario, available
from ..conformance.spread import spread
from ..conformance.suite import Search, Spectator, verify_one
from .document import part_of, who


@dataclass(frozen=True)
class Plan:
    """What to verify, and how.

    Attributes:
        loader: its name.
        scenarios: what is tried.
        search: how each is searched.
        processes: how many scenarios at once, each in a process of its own.
        within: seconds for all of it, shared fairly among the scenarios that are left; None: no limit.
        failing: tokens that failed before, tried first.
    """

    loader: str
    scenarios: Sequence[Scenario]
    search: Search = field(default_factory=Search)
    processes: int = 1
    within: float | None = None
    failing: Sequence[Failing] = ()


@dataclass(frozen=True)
class Verification:
    """What a verification says, and what it took.

    Attributes:
        record: what it says.
        seconds: for each scenario, by name; empty where that is not known.
        failing: the tokens to keep for the next time: all that fail, and those of scenarios that were not run.
        notes: what the user should hear besides, a line each.
    """

    record: Record
    seconds: dict[str, float]
    failing: Sequence[Failing] = ()
    notes: Sequence[str] = ()

    def against(self, baseline: Baseline) -> Verification:
        """The same, compared with a baseline."""
        return replace(self, record=msgspec.structs.replace(self.record, baseline=compare(self.record, baseline)))


@dataclass(frozen=True)
class _Task:
    loader: str
    scenario: Scenario
    search: Search
    failing: tuple[Failing, ...]
    end: float | None
    share: float


def verification(plan: Plan, spectator: Spectator | None = None) -> Verification:
    """Verify a loader; Ctrl-C keeps what is done.

    Raises:
        UsageError: there is no such loader, or the search makes no sense.
        AdapterError: the adapter failed, not the loader.
    """
    loader = implementation(plan.loader)
    parts: dict[int, Part] = {}
    parallel = plan.processes > 1 and len(plan.scenarios) > 1
    try:
        work = _verify if parallel else partial(_verify, spectator=spectator)
        for number, part in spread(work, _tasks(plan, loader.name), plan.processes):
            parts[number] = part
            if parallel and spectator is not None:
                spectator.begins(plan.scenarios[number])
    except KeyboardInterrupt:
        pass
    done = [parts[number] for number in sorted(parts)]
    left = [each.name for number, each in enumerate(plan.scenarios) if number not in parts]
    return Verification(
        assemble(who(loader), done, available(), left),
        {part.scenario.name: part.seconds for part in done},
        _to_keep(plan.failing, loader.name, done),
        [note for part in done for note in part.notes],
    )


def _tasks(plan: Plan, name: str) -> list[_Task]:
    end = None if plan.within is None else time.monotonic() + plan.within
    count = len(plan.scenarios)
    return [
        _Task(
            plan.loader,
            scenario,
            plan.search,
            tuple(kept.of(plan.failing, name, scenario.name)),
            end,
            min(1.0, max(1, plan.processes) / (count - number)),
        )
        for number, scenario in enumerate(plan.scenarios)
    ]


def _verify(task: _Task, spectator: Spectator | None = None) -> Part:
    """One scenario, here or in a worker."""
    findings, dropped = kept.try_first(task.failing)
    search = task.search
    if task.end is not None:
        share = max(0.0, (task.end - time.monotonic()) * task.share)
        budget = share if search.time_budget is None else min(share, search.time_budget)
        search = replace(search, time_budget=budget)
    report = verify_one(implementation(task.loader), task.scenario, search, spectator)
    kept.add(report, findings)
    part = part_of(report)
    part.notes = [f"a kept token is dropped, {each.why}: {each.token}" for each in dropped]
    return part


def _to_keep(old: Sequence[Failing], loader: str, done: Sequence[Part]) -> list[Failing]:
    run = {part.scenario.name for part in done}
    mine = {each for name in run for each in kept.of(old, loader, name)}
    return [each for each in old if each not in mine] + [
        Failing(finding.token, part.scenario.file) for part in done for finding in part.findings
    ]
