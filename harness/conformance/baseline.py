"""Baselines: findings that are known and accepted, by cause; only what is new, or gone, fails."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import UsageError
from ..verdict import Verdict
from .record import BaselineResult, Doubt, Record, ScenarioResult, Who
from .stored import read

FORMAT: Literal[1] = 1


class Known(msgspec.Struct, forbid_unknown_fields=True):
    """A finding that is accepted.

    Attributes:
        cause: what makes it the same finding.
        scenarios: in which it is found.
        note: why it is accepted, for people; an update keeps it.
    """

    cause: str
    scenarios: list[str]
    note: str = ""


class KnownDoubt(msgspec.Struct, forbid_unknown_fields=True):
    """Something that is accepted not to be known.

    Attributes:
        scenario: where.
        verdict: ``INCONCLUSIVE`` or ``VACUOUS``.
        reason: why, with ``#`` for numbers.
        rules: of these.
        note: why it is accepted, for people; an update keeps it.
    """

    scenario: str
    verdict: Verdict
    reason: str
    rules: list[str]
    note: str = ""

    @property
    def key(self) -> tuple[str, Verdict, str]:
        """What makes it the same doubt."""
        return self.scenario, self.verdict, self.reason


class Baseline(msgspec.Struct, forbid_unknown_fields=True):
    """The content of a baseline file.

    Attributes:
        format: version of this format.
        implementation: the loader; its version is for people only.
        known: the findings.
        doubts: what is not known.
    """

    format: Literal[1]
    implementation: Who
    known: list[Known]
    doubts: list[KnownDoubt] = []


def read_baseline(path: Path, implementation: str) -> Baseline:
    """Read a file.

    Raises:
        UsageError: it cannot be read, or is of another loader.
    """
    found = read(path, Baseline, "a baseline", FORMAT)
    if found.implementation.name != implementation:
        raise UsageError(f"{path} is the baseline of {found.implementation.name}, not of {implementation}")
    return found


def compare(record: Record, baseline: Baseline) -> BaselineResult:
    """What is known of a verification, what is new, and what is gone.

    A known finding is gone if none of its scenarios that were run shows it; where one of them ran out of a budget it
    may just not have been reached, and that is a doubt.
    """
    accepted = {known.cause for known in baseline.known}
    seen = {finding.cause for finding in record.findings}
    vanished: list[str] = []
    unreached: list[str] = []
    run = {scenario.name: scenario for scenario in record.scenarios}
    for known in baseline.known:
        mine = [run[name] for name in known.scenarios if name in run]
        if mine and known.cause not in seen:
            (unreached if any(map(_cut_short, mine)) else vanished).append(known.cause)
    doubts = [f"INCONCLUSIVE {cause} was not seen again within the budget" for cause in unreached]
    taken: list[str] = []
    rules = {doubt.key: set(doubt.rules) for doubt in baseline.doubts}
    for scenario in record.scenarios:
        for doubt in scenario.doubts:
            fits = set(doubt.rules) <= rules.get(_key(scenario.name, doubt), set())
            (taken if fits else doubts).append(f"{doubt.verdict} {scenario.name}: {doubt.reason}")
    new = [finding.cause for finding in record.findings if finding.cause not in accepted]
    return BaselineResult(
        known=[finding.cause for finding in record.findings if finding.cause in accepted],
        new=new,
        vanished=vanished,
        accepted=taken,
        doubts=doubts,
        exit_code=130 if record.unfinished else 1 if new or vanished else 3 if doubts else 0,
    )


def update(old: Baseline | None, record: Record) -> Baseline:
    """The baseline that accepts all of a verification. Notes are kept, and what was known of scenarios not run.

    Raises:
        UsageError: the verification was interrupted.
    """
    if record.unfinished:
        raise UsageError("the verification was interrupted; a baseline is made from a whole one")
    run = {scenario.name for scenario in record.scenarios}
    notes = {known.cause: known.note for known in old.known} if old else {}
    of = {f.cause: list(dict.fromkeys([f.scenario, *f.also_in])) for f in record.findings}
    for known in old.known if old else ():
        rest = [name for name in known.scenarios if name not in run]
        if rest:
            of[known.cause] = [*of.get(known.cause, []), *rest]
    findings = [Known(cause, sorted(set(names)), notes.get(cause, "")) for cause, names in sorted(of.items())]
    return Baseline(FORMAT, record.implementation, findings, _doubts(old.doubts if old else (), record.scenarios))


def _doubts(old: Sequence[KnownDoubt], scenarios: Sequence[ScenarioResult]) -> list[KnownDoubt]:
    notes = {doubt.key: doubt.note for doubt in old}
    run = {scenario.name for scenario in scenarios}
    found = {doubt.key: doubt for doubt in old if doubt.scenario not in run}
    for scenario in scenarios:
        for doubt in scenario.doubts:
            key = _key(scenario.name, doubt)
            found[key] = KnownDoubt(*key, sorted(doubt.rules), notes.get(key, ""))
    return sorted(found.values(), key=lambda doubt: (doubt.scenario, str(doubt.verdict), doubt.reason))


def dump(baseline: Baseline) -> str:
    """The text of the file: one that a difference can be read in."""
    return json.dumps(msgspec.to_builtins(baseline), indent=2, ensure_ascii=False) + "\n"


def _key(scenario: str, doubt: Doubt) -> tuple[str, Verdict, str]:
    return scenario, doubt.verdict, re.sub(r"\d+(\.\d+)?", "#", doubt.reason)


def _cut_short(scenario: ScenarioResult) -> bool:
    """Whether a budget ran out; a search that settled is none, it ends at the same place every time."""
    return any(doubt.reason.startswith("stopped after") for doubt in scenario.doubts)
