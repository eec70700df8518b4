"""Verifications, replays and orderings as JSON. No clock time in it: the same seed gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..conformance.suite import Distinct, Replayed, Suite, distinct, file_of
from ..conformance.verify import Report, token_of
from ..runtime import Execution
from ..trace import Failure, Operation
from .explain import replay_command
from .steps import operation_of, role_name, what_of

FORMAT = 1
"""Version of the schema: raised when a field goes or changes its meaning, not when one is added."""


def dump(document: Mapping[str, Any]) -> str:
    """Readable, and the same for the same content."""
    return json.dumps({"format": FORMAT, **document}, indent=2, ensure_ascii=False)


def of_suite(suite: Suite) -> dict[str, Any]:
    """What `verify` says."""
    return {
        "command": "verify",
        "implementation": _who(suite.implementation),
        "verdict": str(suite.verdict),
        "exit_code": suite.exit_code,
        "scenarios": [_scenario(report) for report in suite.reports],
        "findings": [_finding(found) for found in distinct(suite.reports)],
        "unfinished": suite.unfinished,
    }


def _who(implementation: Any) -> dict[str, str]:
    return {"name": implementation.name, "version": implementation.version}


def _scenario(report: Report) -> dict[str, Any]:
    searched = report.exploration
    return {
        "name": report.scenario.name,
        "title": report.scenario.title,
        "executions": searched.executions,
        "complete": searched.complete,
        "bounds": searched.bounds,
        "reasons": list(searched.reasons),
        "rules": [{"rule": r.rule, "verdict": str(r.verdict), "judged": r.judged} for r in report.rules],
    }


def _finding(found: Distinct) -> dict[str, Any]:
    report, finding = found.report, found.finding
    token = str(report.token(finding))
    return {
        **of_failure(finding.failure),
        "scenario": report.scenario.name,
        "also_in": list(found.also),
        "found_in": finding.found_in,
        "token": token,
        "replay": replay_command(token, file_of(report.scenario)),
        "steps": of_steps(finding.execution),
    }


def of_failure(failure: Failure) -> dict[str, Any]:
    """What is broken."""
    return {
        "kind": failure.kind,
        "rule": failure.rule,
        "subject": failure.subject,
        "error": failure.error,
        "expected": failure.expected,
        "step": failure.step + 1,
        "waiting": [
            {
                "task": row.task,
                "operation": row.operation,
                "resource": row.resource,
                "holders": list(row.holders),
                "site": str(row.site) if row.site else None,
            }
            for row in failure.waiting
        ],
    }


def of_steps(execution: Execution) -> list[dict[str, Any]]:
    """Every step."""
    return [_step(step) for step in execution.steps]


def _step(step: Operation) -> dict[str, Any]:
    return {
        "number": step.index + 1,
        "task": role_name(step.task),
        "operation": operation_of(step),
        "what": what_of(step),
        "accesses": [{"resource": name, "mode": mode} for name, mode in step.accesses],
        "preempts": step.preempted,
        "site": str(step.site) if step.site else None,
    }


def of_replay(replayed: Replayed) -> dict[str, Any]:
    """What `replay` says."""
    token = token_of(replayed.implementation.name, replayed.scenario, replayed.token.schedule, replayed.execution)
    return {
        "command": "replay",
        "token": str(replayed.token),
        "implementation": _who(replayed.implementation),
        "scenario": replayed.scenario.name,
        "ending": replayed.execution.ending,
        "exit_code": replayed.exit_code,
        "fingerprint": token.fingerprint,
        "failures": [of_failure(failure) for failure in replayed.failures],
        "steps": of_steps(replayed.execution),
    }


def of_catalogue(kind: str, entries: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What `list` says."""
    return {"command": "list", "kind": kind, "entries": [{"name": name, "about": about} for name, about in entries]}
