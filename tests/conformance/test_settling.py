"""Once something is broken and nothing new comes, the search ends, and claims nothing that it did not see."""

from __future__ import annotations

from bounds import broken

from harness.conformance.registry import implementation
from harness.conformance.scenario import find
from harness.conformance.verify import Report, verify
from harness.verdict import Verdict


def run(name: str, settle: int | None) -> Report:
    return verify(implementation(name), find("one-job"), settle=settle)


def test_a_broken_loader_is_left_after_some_executions_without_news():
    report = run("refimpl:finished-after-state", settle=20)
    assert report.exploration.executions == 21
    assert broken(report) == {"C3"}


def test_what_was_not_seen_broken_by_then_is_inconclusive():
    report = run("refimpl:finished-after-state", settle=20)
    assert {rule.verdict for rule in report.rules if rule.rule != "C3"} == {Verdict.INCONCLUSIVE}


def test_without_settling_it_is_searched_to_the_end():
    report = run("refimpl:finished-after-state", settle=None)
    assert report.exploration.complete
    assert {rule.verdict for rule in report.rules if rule.rule != "C3"} == {Verdict.BOUNDED}


def test_a_clean_loader_is_never_left_early():
    assert run("refimpl", settle=20).exploration.complete
