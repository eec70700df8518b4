"""Two preemptions, counted schedule by schedule, say the same as one execution for each trace."""

from __future__ import annotations

import pytest
from bounds import broken, searched

from harness.conformance.adapters.refimpl import variants
from harness.conformance.registry import implementation
from harness.conformance.scenario import available, find
from harness.conformance.verify import verify

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scenario", available())
def test_reference_loader_keeps_every_rule_with_two_preemptions(scenario):
    assert broken(searched("refimpl", scenario, 2)) == set()


@pytest.mark.parametrize("scenario", available())
@pytest.mark.parametrize("variant", variants())
def test_variant_breaks_the_same_rules_by_traces_as_by_two_preemptions(variant, scenario):
    name = f"refimpl:{variant}"
    by_traces = verify(implementation(name), find(scenario), settle=None)
    assert broken(searched(name, scenario, 2)) <= broken(by_traces)
