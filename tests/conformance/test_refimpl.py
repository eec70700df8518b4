"""The reference loader keeps the rules of every scenario; each variant breaks its own where it says."""

from __future__ import annotations

import functools
import importlib

import pytest
from bounds import broken, holding, replayed, searched

from harness.conformance.adapters.refimpl import Refimpl, variants
from harness.conformance.scenario import ALL_RULES, available, find
from harness.conformance.verify import Report, verify
from harness.errors import UsageError
from harness.verdict import Verdict


def module_of(variant: str):
    return importlib.import_module(f"harness.conformance.variants.{variant.replace('-', '_')}")


FEW = 12
"""Executions of each scenario here; `loadloom verify refimpl` runs them all, in a tox environment of its own."""


@pytest.mark.parametrize("scenario", available())
def test_reference_loader_breaks_no_rule_in_the_first_executions(scenario):
    report = searched("refimpl", scenario, FEW)
    assert broken(report) == set()


@pytest.mark.parametrize("scenario", ["terminal-failure", "retried", "lost-answer-transient"])
def test_reference_loader_keeps_every_rule(scenario):
    report = searched("refimpl", scenario)
    assert broken(report) == set()
    assert holding(report) == {*find(scenario).rules, "run"}
    assert all(rule.judged for rule in report.rules)


def test_rules_that_a_package_which_stays_cannot_reach_do_not_apply():
    verdicts = {rule.rule: rule.verdict for rule in searched("refimpl", "callback-raises-callback-error").rules}
    assert verdicts.pop("C4") is verdicts.pop("C5") is Verdict.NOT_APPLICABLE
    assert set(verdicts.values()) == {Verdict.BOUNDED}


def test_one_thread_is_one_execution_and_that_is_a_proof():
    report = searched("refimpl", "single-thread")
    assert report.exploration.executions == 1
    assert set(report.verdicts) == {Verdict.PROVED}


@functools.cache
def killed(variant: str) -> Report:
    return verify(Refimpl(variant), find(module_of(variant).SCENARIO), max_executions=60, settle=20)


@pytest.mark.parametrize("variant", variants())
def test_variant_breaks_its_rule_in_its_scenario_and_nothing_that_does_not_follow(variant):
    module = module_of(variant)
    assert module.BREAKS in broken(killed(variant)) <= {module.BREAKS, *module.IMPLIED}


@pytest.mark.parametrize("rule", ALL_RULES)
def test_token_of_a_broken_rule_shows_the_same_failure_in_another_process(rule):
    variant = next(variant for variant in variants() if rule == module_of(variant).BREAKS)
    report = killed(variant)
    [found] = [r for r in report.rules if r.rule == rule]
    finding = found.findings[0]
    assert f"{rule}: {finding.failure.error}" in replayed(report.token(finding))


@pytest.mark.parametrize("variant", variants())
def test_variant_says_what_is_wrong_with_it(variant):
    module = module_of(variant)
    assert variants()[variant]
    assert module.BREAKS in ALL_RULES
    assert module.SCENARIO in available()
    assert Refimpl(variant).name == f"refimpl:{variant}"


def test_every_rule_has_a_variant_made_to_break_it():
    assert {module_of(variant).BREAKS for variant in variants()} == set(ALL_RULES)


def test_unknown_variant_names_the_known_ones():
    with pytest.raises(UsageError, match=r"no variant 'nonsense' of refimpl; there are .*late-write"):
        Refimpl("nonsense")
