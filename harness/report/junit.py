"""A verification as JUnit XML (the xunit2 family): a suite for each scenario, a case for each rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from ..conformance.record import Finding, Record, RuleResult, ScenarioResult
from ..conformance.verify import RUN
from ..contract.monitor import title
from ..verdict import Verdict
from . import table

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(record: Record, seconds: Mapping[str, float]) -> str:
    """The whole file. BROKEN is a failure; INCONCLUSIVE and VACUOUS are errors; N/A is skipped."""
    root = ElementTree.Element("testsuites", name="loadloom")
    for scenario in record.scenarios:
        root.append(_suite(record, scenario, seconds.get(scenario.name)))
    for name in record.unfinished:
        suite = _element("testsuite", name=name, tests="1", failures="0", errors="1", skipped="0")
        case = _element("testcase", classname=_class(record, name), name="finished")
        case.append(_element("error", "stopped by the user", message="stopped by the user"))
        suite.append(case)
        root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(record: Record, scenario: ScenarioResult, seconds: float | None) -> ElementTree.Element:
    verdicts = [rule.verdict for rule in scenario.rules]
    counts = {
        "tests": len(verdicts),
        "failures": verdicts.count(Verdict.BROKEN),
        "errors": verdicts.count(Verdict.INCONCLUSIVE) + verdicts.count(Verdict.VACUOUS),
        "skipped": verdicts.count(Verdict.NOT_APPLICABLE),
    }
    suite = _element("testsuite", name=scenario.name, **{name: str(count) for name, count in counts.items()})
    if seconds is not None:
        suite.set("time", f"{seconds:.3f}")
    properties = _element("properties")
    for name, value in (
        ("loadloom.implementation", f"{record.implementation.name} {record.implementation.version}".strip()),
        ("loadloom.executions", str(scenario.executions)),
        ("loadloom.bounds", scenario.bounds or "none"),
    ):
        properties.append(_element("property", name=name, value=value))
    suite.append(properties)
    for rule in scenario.rules:
        suite.append(_case(record, scenario, rule))
    return suite


def _case(record: Record, scenario: ScenarioResult, rule: RuleResult) -> ElementTree.Element:
    name = "ends well" if rule.rule == RUN else title(rule.rule)
    case = _element("testcase", classname=_class(record, scenario.name), name=name)
    if rule.verdict is Verdict.NOT_APPLICABLE:
        case.append(_element("skipped", message="does not apply"))
    elif rule.verdict is Verdict.BROKEN:
        case.append(_failure(record.findings_of(rule.rule, scenario.name)))
    elif not rule.verdict.passes:
        reasons = "; ".join(doubt.reason for doubt in scenario.doubts if rule.rule in doubt.rules)
        case.append(_element("error", reasons, message=f"{rule.verdict}: {reasons}", type=str(rule.verdict)))
    return case


def _failure(findings: list[Finding]) -> ElementTree.Element:
    """One element, whatever the number of causes: readers of these files show the first only."""
    text = "\n\n".join("\n".join(table.story(finding)) for finding in findings)
    message = "; ".join(finding.error for finding in findings)
    return _element("failure", text, message=message, type=", ".join(finding.cause for finding in findings))


def _class(record: Record, scenario: str) -> str:
    return f"{record.implementation.name}.{scenario}"


def _element(tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    made = ElementTree.Element(tag, {name: _printable(value) for name, value in attributes.items()})
    if text:
        made.text = _printable(text)
    return made


def _printable(text: str) -> str:
    """Without what XML cannot say."""
    return _FORBIDDEN.sub("\ufffd", text)
