"""Two preemptions, counted schedule by schedule, say the same as one execution for each trace."""

from __future__ import annotations

import importlib

import pytest
from bounds import bounded, broken, searched

from harness.conformance.adapters.refimpl import Refimpl, variants
from harness.conformance.scenario import available

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scenario", available())
def test_reference_loader_keeps_every_rule_with_two_preemptions(scenario):
    assert broken(bounded("refimpl", scenario, 2)) == set()


@pytest.mark.parametrize("variant", variants())
def test_variant_breaks_the_same_rules_by_traces_as_by_two_preemptions(variant):
    name, scenario = f"refimpl:{variant}", Refimpl(variant).scenario
    assert broken(bounded(name, scenario, 2)) <= broken(searched(name, scenario))


@pytest.mark.parametrize("variant", variants())
def test_variant_breaks_no_more_than_follows(variant):
    module = importlib.import_module(f"harness.conformance.variants.{variant.replace('-', '_')}")
    assert broken(searched(f"refimpl:{variant}", module.SCENARIO)) == {module.BREAKS, *module.IMPLIED}
