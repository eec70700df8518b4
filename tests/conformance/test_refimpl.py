"""The reference loader keeps the rules of every scenario; each variant breaks its own where it says."""

from __future__ import annotations

import importlib

import pytest
from bounds import broken, holding, replayed, searched

from harness.conformance.adapters.refimpl import Refimpl, variants
from harness.conformance.scenario import ALL_RULES, available, find
from harness.errors import UsageError
from harness.verdict import Verdict


def module_of(variant: str):
    return importlib.import_module(f"harness.conformance.variants.{variant.replace('-', '_')}")


@pytest.mark.parametrize("scenario", available())
def test_reference_loader_keeps_every_rule(scenario):
    report = searched("refimpl", scenario)
    assert broken(report) == set()
    assert holding(report) == {*find(scenario).rules, "run"}
    assert all(rule.judged for rule in report.rules)


def test_one_thread_is_one_execution_and_that_is_a_proof():
    report = searched("refimpl", "single-thread")
    assert report.exploration.executions == 1
    assert set(report.verdicts) == {Verdict.PROVED}


@pytest.mark.parametrize("variant", variants())
def test_variant_breaks_its_rule_in_its_scenario_and_no_more_than_follows(variant):
    module = module_of(variant)
    found = broken(searched(f"refimpl:{variant}", module.SCENARIO))
    assert found == {module.BREAKS, *module.IMPLIED}


@pytest.mark.parametrize("variant", variants())
def test_token_of_a_variant_shows_the_same_failure_in_another_process(variant):
    module = module_of(variant)
    report = searched(f"refimpl:{variant}", module.SCENARIO)
    [rule] = [r for r in report.rules if r.rule == module.BREAKS]
    finding = rule.findings[0]
    assert f"{module.BREAKS}: {finding.failure.error}" in replayed(report.token(finding))


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
