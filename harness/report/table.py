"""The table of a verification: scenario x rule, and what there is to say below it."""

from __future__ import annotations

from collections.abc import Sequence

from ..conformance.suite import Distinct, Suite, distinct, file_of, worst
from ..conformance.verify import RUN, Report
from ..contract.monitor import title
from ..verdict import Verdict
from .explain import account_of, counted, explain, shrunk

Cells = list[list[str]]
"""Rows of texts, the head first."""


def cells(reports: Sequence[Report]) -> Cells:
    """One row a scenario, one column a rule; then how much was run, and the seconds it took."""
    rules = list(dict.fromkeys(rule.rule for report in reports for rule in report.rules if rule.rule != RUN))
    table = [["scenario", *rules, "ends well", "executions", "seconds"]]
    for report in reports:
        of = {rule.rule: str(rule.verdict) for rule in report.rules}
        row = [of.get(rule, str(Verdict.NOT_APPLICABLE)) for rule in (*rules, RUN)]
        searched = report.exploration
        table.append([report.scenario.name, *row, str(searched.executions), f"{searched.seconds:.1f}"])
    return table


def plain(table: Cells) -> list[str]:
    """A table for a pipe: columns of spaces, one line a row."""
    widths = [max(len(row[n]) for row in table) for n in range(len(table[0]))]
    lines = []
    for row in table:
        texts = [_aligned(n, text, width, len(row)) for n, (text, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(texts).rstrip())
    return lines


def numeric(column: int, columns: int) -> bool:
    """Whether a column is of numbers: the last two are."""
    return column >= columns - 2


def _aligned(column: int, text: str, width: int, columns: int) -> str:
    return f"{text:>{width}}" if numeric(column, columns) else f"{text:<{width}}"


def findings(suite: Suite) -> list[list[str]]:
    """Each distinct finding, explained."""
    return [explanation(found) for found in distinct(suite.reports)]


def explanation(found: Distinct) -> list[str]:
    """One finding with its replay command, and where else it was seen."""
    report, finding = found.report, found.finding
    searched = report.exploration
    how = [
        counted(finding.found_in, searched.executions, searched.bounds, searched.complete),
        shrunk(finding.execution),
    ]
    if found.also:
        how.append(f"also in {', '.join(found.also)}")
    account = account_of(
        report.implementation,
        report.version,
        report.scenario.name,
        str(report.token(finding)),
        file_of(report.scenario),
        "; ".join(how),
    )
    return explain(finding.failure, finding.execution, account)


def doubts(reports: Sequence[Report]) -> list[str]:
    """Why nothing can be claimed, where that is so: one line each."""
    lines = []
    for report in reports:
        name = report.scenario.name
        lines += [f"INCONCLUSIVE {name}: {reason}" for reason in _reasons(report)]
        idle = [rule.rule for rule in report.rules if rule.verdict is Verdict.VACUOUS]
        if idle and not report.exploration.interacting and not report.scenario.sequential:
            lines.append(f"VACUOUS {name}: no two tasks ever did dependent operations; nothing was interleaved")
        elif idle:
            named = ", ".join(title(rule) for rule in idle)
            lines.append(f"VACUOUS {name}: nothing ever happened that could have broken {named}")
    return lines


def _reasons(report: Report) -> list[str]:
    if Verdict.INCONCLUSIVE not in report.verdicts:
        return []
    return report.exploration.reasons or ["the search did not end"]


def summary(suite: Suite) -> str:
    """The last line: what may be claimed of all of it."""
    reports = suite.reports
    who = f"{suite.implementation.name} {suite.implementation.version}".strip()
    executions = sum(report.exploration.executions for report in reports)
    seconds = sum(report.exploration.seconds for report in reports)
    counts = f"{_count(len(reports), 'scenario')}, {_count(executions, 'execution')}, {seconds:.1f} s"
    return f"{who}: {suite.verdict}{_qualified(suite)} ({counts})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _qualified(suite: Suite) -> str:
    """The rules that are broken, or the bounds within which all hold."""
    if suite.verdict is Verdict.BROKEN:
        of: dict[str, list[Verdict]] = {}
        for report in suite.reports:
            for rule in report.rules:
                of.setdefault(rule.rule, []).append(rule.verdict)
        broken = [rule for rule, verdicts in of.items() if worst(verdicts) is Verdict.BROKEN]
        return ": " + ", ".join("ends well" if rule == RUN else rule for rule in broken)
    if suite.verdict is Verdict.BOUNDED:
        return f": every rule holds with {_bounds(suite.reports)}"
    if suite.verdict is Verdict.PROVED:
        return ": every rule holds in every order"
    return ""


def _bounds(reports: Sequence[Report]) -> str:
    """The bounds; of those that only some scenarios have, which."""
    of: dict[str, list[str]] = {}
    for report in reports:
        if report.exploration.bounds:
            of.setdefault(report.exploration.bounds, []).append(report.scenario.name)
    if len(of) == 1:
        return next(iter(of))
    return "; ".join(f"{bounds} ({', '.join(names)})" for bounds, names in of.items())
