"""The table of a verification: scenario x rule, and what there is to say below it."""

from __future__ import annotations

from collections.abc import Mapping

from ..conformance.record import Finding, Record
from ..conformance.verify import RUN
from ..contract.levels import LEVELS
from ..verdict import Verdict, worst

Cells = list[list[str]]
"""Rows of texts, the head first."""


WIDE = 8
"""Rules that a terminal has room for; of more, the columns are the levels."""


def cells(record: Record, seconds: Mapping[str, float]) -> Cells:
    """One row a scenario; one column a rule or, of many rules, a level; how much was run, and the seconds it took."""
    rules = checked(record)
    columns = {rule: [rule] for rule in rules} if len(rules) <= WIDE else _by_level(rules)
    table = [["scenario", *columns, "ends well", "executions", "seconds"]]
    for each in record.scenarios:
        of = {rule.rule: rule.verdict for rule in each.rules}
        row = [_cell(of, column) for column in (*columns.values(), [RUN])]
        table.append([each.name, *row, str(each.executions), f"{seconds.get(each.name, 0):.1f}"])
    return table


def checked(record: Record) -> list[str]:
    """The rules that some scenario checks, by number."""
    seen = {rule.rule for each in record.scenarios for rule in each.rules}
    return [rule for level in LEVELS for rule in level.rules if rule in seen]


def _by_level(rules: list[str]) -> dict[str, list[str]]:
    columns = {f"{level.number} {level.name}": [rule for rule in level.rules if rule in rules] for level in LEVELS}
    return {head: column for head, column in columns.items() if column}


def _cell(of: Mapping[str, Verdict], rules: list[str]) -> str:
    """The worst verdict, and of several rules those that have it, where it does not pass."""
    verdict = worst([of.get(rule, Verdict.NOT_APPLICABLE) for rule in rules])
    named = [rule for rule in rules if of.get(rule) is verdict]
    return str(verdict) if len(rules) == 1 or verdict.passes else f"{verdict} {' '.join(named)}"


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


def story(finding: Finding) -> list[str]:
    """A finding explained, with where else it was seen."""
    if not finding.also_in:
        return finding.story
    also = f"; also in {', '.join(finding.also_in)}"
    return [line + also if line.startswith("  found:") else line for line in finding.story]


def doubts(record: Record) -> list[str]:
    """Why nothing can be claimed, where that is so: one line each."""
    return [f"{doubt.verdict} {each.name}: {doubt.reason}" for each in record.scenarios for doubt in each.doubts]


def against(record: Record) -> list[str]:
    """How it compares with a baseline, a line each: what is known, what is gone, what is in doubt all the same."""
    found = record.baseline
    if found is None:
        return []
    where = {finding.cause: ", ".join([finding.scenario, *finding.also_in]) for finding in record.findings}
    lines = [f"known: {cause} (in {where[cause]})" for cause in found.known]
    lines += [f"NEW: {cause} (in {where[cause]})" for cause in found.new]
    lines += [f"GONE: {cause}; if it is mended, take it out: loadloom baseline update" for cause in found.vanished]
    return [*lines, *(f"accepted: {doubt}" for doubt in found.accepted), *found.doubts]


def level(record: Record) -> str:
    """Which level is reached, and what is in the way of the next."""
    found = record.certificate
    names = {each.level: each.name for each in found.levels}
    said = f"level {found.level} ({names[found.level]}) is reached" if found.level else "no level is reached"
    if found.level and found.scenarios_missing:
        said += f" in what was run ({_count(len(found.scenarios_missing), 'scenario')} short of a certificate)"
    following = next((each for each in found.levels if each.level == found.level + 1), None)
    if following is not None:
        said += f"; level {following.level} ({following.name}): {'; '.join(following.because)}"
    return said


def summary(record: Record, seconds: Mapping[str, float]) -> str:
    """The last line: what may be claimed of all of it."""
    who = f"{record.implementation.name} {record.implementation.version}".strip()
    executions = sum(each.executions for each in record.scenarios)
    spent = sum(seconds.values())
    counts = f"{_count(len(record.scenarios), 'scenario')}, {_count(executions, 'execution')}, {spent:.1f} s"
    return f"{who}: {record.verdict}{_qualified(record)}{_compared(record)} ({counts})"


def _compared(record: Record) -> str:
    found = record.baseline
    if found is None:
        return ""
    return f"; of the baseline {len(found.known)} known, {len(found.new)} new, {len(found.vanished)} gone"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _qualified(record: Record) -> str:
    """The rules that are broken, or the bounds within which all hold."""
    if record.verdict is Verdict.BROKEN:
        of: dict[str, list[Verdict]] = {}
        for each in record.scenarios:
            for rule in each.rules:
                of.setdefault(rule.rule, []).append(rule.verdict)
        broken = [rule for rule, verdicts in of.items() if worst(verdicts) is Verdict.BROKEN]
        return ": " + ", ".join("ends well" if rule == RUN else rule for rule in broken)
    if record.verdict is Verdict.BOUNDED:
        return f": every rule holds as far as was searched: {_bounds(record)}"
    if record.verdict is Verdict.PROVED:
        return ": every rule holds in every order"
    return ""


def _bounds(record: Record) -> str:
    """The bounds; of those that only some scenarios have, which."""
    of: dict[str, list[str]] = {}
    for each in record.scenarios:
        if each.bounds:
            of.setdefault(each.bounds, []).append(each.name)
    if len(of) == 1:
        return next(iter(of))
    return "; ".join(f"{bounds} ({', '.join(names)})" for bounds, names in of.items())
