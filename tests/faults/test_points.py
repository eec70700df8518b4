"""Places that may fail: `harness.fault_point` and the budget of faults."""

from __future__ import annotations

import threading

import pytest

import harness
from harness.verdict import Verdict


class Refused(Exception):
    """What a service of a test raises."""


def outcomes_of(body, **options):
    """What a body returns, or the error it raises, over all executions."""
    seen = []

    def program():
        try:
            seen.append(body())
        except Exception as error:
            seen.append(f"{type(error).__name__}: {error}")

    result = harness.explore(program, **options)
    assert result.failure is None
    return seen, result


def ask():
    harness.fault_point("ask", Refused, TimeoutError("no answer"))
    return "answer"


def test_each_error_is_tried_and_so_is_none():
    seen, _ = outcomes_of(ask, faults=1)
    assert seen == ["answer", "Refused: ", "TimeoutError: no answer"]


def test_without_faults_nothing_fails():
    assert outcomes_of(ask)[0] == ["answer"]


def test_outside_of_an_execution_nothing_fails():
    assert ask() == "answer"


def test_a_place_fails_once_so_trying_again_helps():
    def twice():
        try:
            return ask()
        except Refused:
            return "again: " + ask()

    seen, _ = outcomes_of(twice, faults=2)
    assert seen == ["answer", "again: answer", "TimeoutError: no answer"]


def two_places():
    failed = 0
    for place in ("first", "second"):
        try:
            harness.fault_point(place, Refused)
        except Refused:
            failed += 1
    return failed


@pytest.mark.parametrize(("faults", "expected"), [(1, [0, 1, 1]), (2, [0, 1, 1, 2])])
def test_no_more_faults_than_asked_for(faults, expected):
    assert sorted(outcomes_of(two_places, faults=faults)[0]) == expected


def test_a_budget_that_left_faults_out_is_a_bound():
    _, result = outcomes_of(two_places, faults=1)
    assert result.bounds == "at most 1 fault in an execution"
    assert outcomes_of(two_places, faults=2)[1].bounds == ""


def test_negative_number_of_faults_is_refused():
    with pytest.raises(harness.UsageError, match="faults=-1"):
        harness.explore(two_places, faults=-1)


def charge_and_forget():
    """Two threads charge; one whose charge failed forgets to say so where the other came first."""
    charged, told = [], []
    lock = threading.Lock()

    def charge(name):
        try:
            harness.fault_point(f"charge {name}", Refused)
            with lock:
                charged.append(name)
                told.append(name)
        except Refused:
            with lock:
                if not charged:
                    told.append(name)

    threads = [threading.Thread(target=charge, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["a", "b"]


def test_a_bug_that_needs_an_order_and_a_fault_is_found_with_one_token():
    assert harness.explore(charge_and_forget).verdict is Verdict.PROVED
    result = harness.explore(charge_and_forget, faults=1)
    assert result.verdict is Verdict.BROKEN
    assert result.failure.token.endswith(".t1f1")
    again = harness.replay(charge_and_forget, result.failure.token)
    assert again.failure.error == result.failure.error


def test_the_explanation_shows_what_was_made_to_fail():
    text = harness.explore(charge_and_forget, faults=1).failure.explain()
    assert "breaks: 1 Refused" in text


def test_the_smallest_failure_has_no_fault_that_is_not_needed():
    def program():
        two_places()
        harness.fault_point("third", Refused)

    result = harness.explore(program, faults=3)
    assert [fault.place for fault in harness.faults.happened(result.failure.finding.execution)] == ["third"]
