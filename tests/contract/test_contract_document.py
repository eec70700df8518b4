from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.conformance.scenario import ALL_RULES
from harness.contract import MONITORS, RULES
from harness.contract.monitor import title

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "contract.md"


def test_docs_contract_is_what_the_module_prints():
    printed = subprocess.run(
        [sys.executable, "-m", "harness.contract"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert DOCUMENT.read_text(encoding="utf-8") == printed, "run: python -m harness.contract > docs/contract.md"


def test_every_rule_has_a_monitor_and_every_monitor_a_rule():
    assert set(RULES) == set(MONITORS) == set(ALL_RULES)


@pytest.mark.parametrize("number", RULES)
def test_rule_says_what_why_and_where_it_was_learned(number):
    rule = RULES[number]
    assert rule.number == number
    assert rule.name
    assert rule.statement
    assert rule.reason
    assert rule.source


def test_title_of_a_rule_is_number_and_name():
    assert title("C1") == "C1 marker before state"
    assert title("run") == "run"
