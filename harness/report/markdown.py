"""A verification as Markdown: ``report.md``, and the summary of a CI job."""

from __future__ import annotations

from ..conformance.record import Finding, Record
from ..conformance.verify import RUN
from ..contract.monitor import title
from ..verdict import Verdict
from . import table

_SIGNS = {
    Verdict.PROVED: "PROVED",
    Verdict.BOUNDED: "BOUNDED",
    Verdict.BROKEN: "**BROKEN**",
    Verdict.INCONCLUSIVE: "*INCONCLUSIVE*",
    Verdict.VACUOUS: "*VACUOUS*",
    Verdict.NOT_APPLICABLE: "N/A",
}


def markdown(record: Record) -> str:
    """The whole report."""
    who = f"{record.implementation.name} {record.implementation.version}".strip()
    lines = [f"# {who}: {record.verdict}", "", f"{_capital(table.level(record))}.", ""]
    if record.unfinished:
        lines += [f"Stopped by the user; not finished: {', '.join(record.unfinished)}.", ""]
    for section in (_levels, _baseline, _matrix, _findings, _doubts, _how):
        lines += section(record)
    return "\n".join(lines).rstrip() + "\n"


def _levels(record: Record) -> list[str]:
    rows = [
        f"| {each.level} {each.name} | {'holds' if each.holds else 'not claimed'} | {cell('; '.join(each.because))} |"
        for each in record.certificate.levels
    ]
    return ["| level | | why not |", "|---|---|---|", *rows, ""]


def _baseline(record: Record) -> list[str]:
    lines = table.against(record)
    if record.baseline is None:
        return []
    return ["## Against the baseline", "", *(f"- {line}" for line in lines or ["nothing known, nothing new"]), ""]


def _matrix(record: Record) -> list[str]:
    rules = [*table.checked(record), RUN]
    heads = ["ends well" if rule == RUN else rule for rule in rules]
    lines = ["## Scenarios", "", f"| scenario | {' | '.join(heads)} | executions | bounds |"]
    lines.append("|---|" + "---|" * len(rules) + "---:|---|")
    for each in record.scenarios:
        of = {rule.rule: rule.verdict for rule in each.rules}
        row = " | ".join(_SIGNS[of.get(rule, Verdict.NOT_APPLICABLE)] for rule in rules)
        lines.append(f"| {cell(each.name)} | {row} | {each.executions} | {cell(each.bounds) or 'none'} |")
    return [*lines, ""]


def _findings(record: Record) -> list[str]:
    if not record.findings:
        return []
    lines = ["## Findings", "", "Each cause once, shown by the smallest schedule that was found for it.", ""]
    for number, finding in enumerate(record.findings, 1):
        lines += _finding(number, finding, record.baseline is not None and finding.cause in record.baseline.known)
    return lines


def _finding(number: int, finding: Finding, known: bool) -> list[str]:
    rule = (title(finding.rule) if finding.rule else finding.kind) + (" (known)" if known else "")
    seen = ", ".join([finding.scenario, *finding.also_in])
    story = table.story(finding)
    fence = "`" * max(3, *(_ticks(line) + 1 for line in story))
    return [f"### {number}. {rule}", "", f"- cause: {code(finding.cause)}", f"- seen in: {cell(seen)}",
            f"- replay: {code(finding.replay)}", "", f"{fence}text", *story, fence, ""]  # fmt: skip


def _doubts(record: Record) -> list[str]:
    doubts = table.doubts(record)
    if not doubts:
        return []
    return ["## Not claimed", "", *(f"- {line}" for line in doubts), ""]


def _how(record: Record) -> list[str]:
    executions = sum(each.executions for each in record.scenarios)
    tool = f"{record.tool.name} {record.tool.version}".strip()
    return [f"{len(record.scenarios)} scenarios, {executions} executions; {tool} on Python {record.python}.", ""]


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """A text in code font."""
    mark = "`" * (_ticks(text) + 1)
    pad = " " if "`" in text else ""
    return f"{mark}{pad}{text}{pad}{mark}"


def _ticks(text: str) -> int:
    """The longest run of backticks."""
    longest = run = 0
    for letter in text:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
