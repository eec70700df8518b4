"""Verifications, replays and lists as data and as JSON. No clock time in it: the same seed gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from ..conformance.record import (
    FORMAT,
    Access,
    Doubt,
    Finding,
    Part,
    Problem,
    RuleResult,
    ScenarioResult,
    Step,
    Waiting,
    Who,
)
from ..conformance.suite import Replayed, file_of
from ..conformance.verify import Report, token_of
from ..contract.monitor import title
from ..runtime import Execution
from ..search.explore import Finding as Found
from ..trace import Failure, Operation
from ..verdict import Verdict
from .explain import account_of, counted, explain, replay_command, shrunk
from .steps import operation_of, role_name, what_of


def dump(document: Any) -> str:
    """Readable, and the same for the same content."""
    return json.dumps({"format": FORMAT, **msgspec.to_builtins(document)}, indent=2, ensure_ascii=False)


def who(implementation: Any) -> Who:
    """The name and version of an implementation."""
    return Who(implementation.name, implementation.version)


def part_of(report: Report) -> Part:
    """One scenario of a verification."""
    searched = report.exploration
    result = ScenarioResult(
        name=report.scenario.name,
        title=report.scenario.title,
        file=file_of(report.scenario),
        executions=searched.executions,
        complete=searched.complete,
        bounds=searched.bounds,
        doubts=_doubts(report),
        rules=[RuleResult(rule.rule, rule.verdict, rule.judged) for rule in report.rules],
    )
    return Part(result, [_finding(report, finding) for finding in searched.findings], searched.seconds)


def _doubts(report: Report) -> list[Doubt]:
    """Why nothing can be claimed, where that is so."""
    of: dict[Verdict, list[str]] = {}
    for rule in report.rules:
        of.setdefault(rule.verdict, []).append(rule.rule)
    found = []
    open_ = of.get(Verdict.INCONCLUSIVE, [])
    for reason in report.exploration.reasons or ["the search did not end"]:
        found += [Doubt(Verdict.INCONCLUSIVE, reason, open_)] if open_ else []
    idle = of.get(Verdict.VACUOUS, [])
    if idle and not report.exploration.interacting and not report.scenario.sequential:
        why = "no two tasks ever did dependent operations; nothing was interleaved"
        found.append(Doubt(Verdict.VACUOUS, why, idle))
    elif idle:
        named = ", ".join(title(rule) for rule in idle)
        found.append(Doubt(Verdict.VACUOUS, f"nothing ever happened that could have broken {named}", idle))
    return found


def _finding(report: Report, finding: Found) -> Finding:
    token, path = str(report.token(finding)), file_of(report.scenario)
    return Finding(
        **msgspec.structs.asdict(of_failure(finding.failure)),
        scenario=report.scenario.name,
        also_in=[],
        found_in=finding.found_in,
        preemptions=finding.execution.preemptions(),
        token=token,
        replay=replay_command(token, path),
        story=_story(report, finding, token, path),
        steps=of_steps(finding.execution),
    )


def _story(report: Report, finding: Found, token: str, path: str) -> list[str]:
    searched = report.exploration
    how = "by a token kept from an earlier run"
    if finding.found_in:
        how = counted(finding.found_in, searched.executions, searched.bounds, searched.complete)
    account = account_of(
        report.implementation,
        report.version,
        report.scenario.name,
        token,
        path,
        f"{how}; {shrunk(finding.execution)}",
    )
    return explain(finding.failure, finding.execution, account)


def of_failure(failure: Failure) -> Problem:
    """What is broken."""
    return Problem(
        cause=failure.key,
        kind=failure.kind,
        rule=failure.rule,
        subject=failure.subject,
        error=failure.error,
        expected=failure.expected,
        step=failure.step + 1,
        waiting=[
            Waiting(
                task=row.task,
                operation=row.operation,
                resource=row.resource,
                holders=list(row.holders),
                site=str(row.site) if row.site else None,
            )
            for row in failure.waiting
        ],
    )


def of_steps(execution: Execution) -> list[Step]:
    """Every step."""
    return [_step(step) for step in execution.steps]


def _step(step: Operation) -> Step:
    return Step(
        number=step.index + 1,
        task=role_name(step.task),
        operation=operation_of(step),
        what=what_of(step),
        accesses=[Access(name, mode) for name, mode in step.accesses],
        preempts=step.preempted,
        site=str(step.site) if step.site else None,
    )


def of_replay(replayed: Replayed) -> dict[str, Any]:
    """What `replay` says."""
    token = token_of(replayed.implementation.name, replayed.scenario, replayed.token.schedule, replayed.execution)
    return {
        "command": "replay",
        "token": str(replayed.token),
        "implementation": who(replayed.implementation),
        "scenario": replayed.scenario.name,
        "ending": replayed.execution.ending,
        "exit_code": replayed.exit_code,
        "fingerprint": token.fingerprint,
        "failures": [of_failure(failure) for failure in replayed.failures],
        "steps": of_steps(replayed.execution),
    }


def of_catalogue(kind: str, entries: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What `list` says."""
    found = [{"name": name, "about": about} for name, about in entries]
    return {"command": "list", "kind": kind, "entries": found}
