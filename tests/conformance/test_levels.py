"""Levels: the highest up to which every rule held, and never one that was not looked at."""

from __future__ import annotations

from harness.conformance.levels import certify
from harness.contract import RULES
from harness.contract.levels import LEVELS
from harness.verdict import Verdict

ALL = [rule for level in LEVELS for rule in level.rules]
HOLDS, BOUNDED, BROKEN = Verdict.PROVED, Verdict.BOUNDED, Verdict.BROKEN
NA, OPEN, IDLE = Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE, Verdict.VACUOUS


def results(*scenarios: dict[str, Verdict], bounds: str = ""):
    return [(f"s{n}", bounds, list(of.items())) for n, of in enumerate(scenarios)]


def every(verdict: Verdict = HOLDS, **others: Verdict) -> dict[str, Verdict]:
    return {**dict.fromkeys([*ALL, "run"], verdict), **others}


def test_nineteen_rules_in_five_levels_agree_with_the_contract():
    assert [f"C{n}" for n in range(1, 20)] == ALL
    assert {rule.number: rule.level for rule in RULES.values()}.items() <= {
        rule: level.number for level in LEVELS for rule in level.rules
    }.items()


def test_everything_held_is_the_highest_level():
    found = certify(results(every(), every(BOUNDED)), ["s0", "s1"])
    assert (found.level, found.certified) == (5, True)


def test_a_broken_rule_stops_below_its_level():
    assert certify(results(every(C14=BROKEN)), []).level == 2
    assert certify(results(every(C1=BROKEN)), []).level == 0


def test_a_higher_level_that_holds_does_not_lift_a_lower_one():
    found = certify(results(every(C6=BROKEN)), [])
    assert found.level == 1
    assert [level.holds for level in found.levels] == [True, False, True, True, True]


def test_what_is_in_doubt_is_not_claimed():
    assert certify(results(every(C18=OPEN)), []).level == 3
    assert certify(results(every(C18=IDLE)), []).level == 3


def test_broken_in_one_scenario_is_broken():
    found = certify(results(every(), every(C4=BROKEN), every()), [])
    assert found.level == 0
    assert found.levels[0].because == ["C4 BROKEN in s1"]


def test_a_rule_that_nobody_checked_is_not_claimed():
    few = dict.fromkeys(ALL[:5], HOLDS)
    found = certify(results(few), [])
    assert found.level == 1
    assert found.levels[1].because == ["C6, C7, C8, C9, C10, C11, C12, run not checked"]


def test_a_rule_that_never_applies_is_not_claimed():
    assert certify(results(every(C5=NA)), []).level == 0


def test_a_rule_that_applies_somewhere_is_judged_there():
    assert certify(results(every(C5=NA), every()), []).level == 5


def test_an_execution_that_does_not_end_well_stops_below_level_2():
    assert certify(results(every(run=BROKEN)), []).level == 1


def test_some_scenarios_are_no_certificate():
    found = certify(results(every()), ["s0", "s1", "s2"])
    assert (found.level, found.certified, found.scenarios_missing) == (5, False, ["s1", "s2"])


def test_nothing_run_is_no_level():
    assert certify([], ["s0"]).level == 0


def test_bounds_are_stated_with_their_scenarios():
    found = certify([*results(every(), bounds="at most 2 preemptions"), ("other", "", [])], [])
    assert found.bounds == ["at most 2 preemptions (s0)"]
