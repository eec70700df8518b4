"""Each monitor of level 2, seen passing, seen failing, and seen staying silent where it has nothing to say."""

from __future__ import annotations

import pytest
from seen import Story

from harness.contract.agreement import Agreement, Outcome
from harness.contract.liveness import (
    AlwaysTerminal,
    FirstErrorWins,
    NoFalseSuccess,
    NoLostWakeUp,
    Once,
    SilentRetry,
)

# -- C6 always terminal ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["completed", "failed", "retry"])
def test_job_that_ended_keeps_c6(state):
    story = Story(AlwaysTerminal)
    story.publishes("running")
    story.publishes(state)
    story.returns()
    story.ends()
    assert (story.broken, story.monitor.judged) == ([], 1)


def test_job_left_running_breaks_c6():
    story = Story(AlwaysTerminal)
    story.publishes("running")
    story.returns()
    story.ends()
    assert story.broken == ["job never ends"]


@pytest.mark.parametrize("ending", ["deadlock", "livelock"])
def test_loader_that_never_returns_breaks_c6_and_names_the_job(ending):
    story = Story(AlwaysTerminal)
    story.publishes("running")
    story.ends(ending)
    assert story.broken == ["loader waits for ever"]
    assert "'a' is 'running'" in story.errors


def test_job_that_was_never_started_is_not_judged():
    story = Story(AlwaysTerminal)
    story.publishes("ready")
    story.returns(OSError())
    story.ends()
    assert story.broken == []


def test_nothing_started_and_nothing_stuck_is_not_judged():
    story = Story(AlwaysTerminal)
    story.returns()
    story.ends()
    assert story.monitor.judged == 0


# -- C7 no false success -----------------------------------------------------------------------------------------

LOST = OSError("no marker")


def test_completed_although_the_callback_raised_breaks_c7():
    story = Story(NoFalseSuccess, callback_errors={"a": LOST}, shown_errors={"a": LOST})
    story.publishes("completed")
    story.returns()
    story.ends()
    assert story.broken == ["completed without marker"]


@pytest.mark.parametrize("where", ["recorded", "raised", "cause", "context"])
def test_error_that_the_caller_can_meet_keeps_c7(where):
    story = Story(NoFalseSuccess, callback_errors={"a": LOST})
    outer = RuntimeError("load failed")
    if where == "recorded":
        story.seen.shown_errors["a"] = LOST
    elif where == "cause":
        outer.__cause__ = LOST
    elif where == "context":
        outer.__context__ = LOST
    story.publishes("failed")
    story.returns({"recorded": None, "raised": LOST}.get(where, outer))
    story.ends()
    assert (story.broken, story.monitor.judged) == ([], 1)


def test_error_that_nobody_is_told_breaks_c7():
    story = Story(NoFalseSuccess, callback_errors={"a": LOST}, shown_errors={"a": RuntimeError("other")})
    story.publishes("failed")
    story.returns()
    story.ends()
    assert story.broken == ["callback error lost"]


def test_callback_that_works_is_not_judged_by_c7():
    story = Story(NoFalseSuccess)
    story.publishes("completed")
    story.ends()
    assert (story.broken, story.monitor.judged) == ([], 0)


# -- C8 first error wins -----------------------------------------------------------------------------------------


def double_failure(shown: BaseException, chained: BaseException | None) -> Story:
    first = shown if isinstance(shown, ValueError) else ValueError("bad data")
    shown.__context__ = chained
    story = Story(FirstErrorWins, first_errors={"a": first}, callback_errors={"a": LOST}, shown_errors={"a": shown})
    story.publishes("failed")
    return story


def test_first_error_with_the_second_chained_keeps_c8():
    story = double_failure(ValueError("bad data"), LOST)
    assert (story.broken, story.monitor.judged) == ([], 1)


def test_second_error_in_its_place_breaks_c8():
    assert double_failure(KeyError("other"), None).broken == ["first error replaced"]


def test_second_error_that_is_nowhere_breaks_c8():
    assert double_failure(ValueError("bad data"), None).broken == ["second error not chained"]


@pytest.mark.parametrize("known", [{"first_errors": {"a": LOST}}, {"callback_errors": {"a": LOST}}])
def test_single_error_is_not_judged_by_c8(known):
    story = Story(FirstErrorWins, **known)
    story.publishes("failed")
    assert (story.broken, story.monitor.judged) == ([], 0)


# -- C9 silent retry ---------------------------------------------------------------------------------------------


def test_retry_without_a_trace_keeps_c9():
    story = Story(SilentRetry)
    story.publishes("running")
    story.publishes("retry")
    story.publishes("running")
    story.marks()
    story.publishes("completed")
    assert (story.broken, story.monitor.judged) == ([], 1)


def test_marker_before_retry_breaks_c9():
    story = Story(SilentRetry)
    story.publishes("running")
    story.marks()
    story.seen.markers.clear()  # consumed meanwhile
    story.publishes("retry")
    assert story.broken == ["marker on retry"]


def test_marker_after_retry_breaks_c9():
    story = Story(SilentRetry)
    story.publishes("retry")
    story.marks()
    assert story.broken == ["marker on retry"]


def test_finish_time_on_retry_breaks_c9():
    story = Story(SilentRetry, finish_times={"a"})
    story.publishes("retry")
    assert story.broken == ["finish time on retry"]


def test_finish_time_after_retry_breaks_c9():
    story = Story(SilentRetry)
    story.publishes("retry")
    story.seen.finish_times.add("a")
    story.happens("finished")
    assert story.broken == ["finish time on retry"]


# -- C10 once ----------------------------------------------------------------------------------------------------


def run_once(story: Story, commits: int = 1, callbacks: int = 1) -> None:
    story.publishes("running")
    story.seen.committed["a"] = story.seen.committed.get("a", 0) + commits
    story.happens("run")
    for _ in range(callbacks):
        story.happens("callback")
    story.publishes("completed")


def test_one_commit_and_one_callback_keep_c10():
    story = Story(Once)
    run_once(story)
    story.returns()
    story.ends()
    assert (story.broken, story.monitor.judged) == ([], 1)


def test_second_commit_breaks_c10_once():
    story = Story(Once)
    run_once(story)
    run_once(story)
    story.ends()
    assert story.broken == ["loaded twice"]


def test_commit_of_a_slow_job_is_counted_at_the_end():
    story = Story(Once)
    run_once(story, commits=0)
    story.seen.committed["a"] = 2
    story.ends()
    assert story.broken == ["loaded twice"]


def test_second_callback_for_one_state_breaks_c10():
    story = Story(Once)
    run_once(story, callbacks=2)
    assert story.broken == ["callback repeated"]


def test_callback_of_each_attempt_counts_by_itself():
    story = Story(Once)
    run_once(story, commits=0)
    run_once(story, commits=1)
    assert story.broken == []


@pytest.mark.parametrize("kind", ["run", "callback", "state", "marker", "touch"])
def test_work_after_the_loader_has_returned_breaks_c10(kind):
    story = Story(Once)
    story.returns()
    story.happens(kind)
    assert story.broken == ["work after the end"]


def over_release() -> BaseException:
    import threading

    try:
        threading.BoundedSemaphore(1).release()
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(("error", "broken"), [(over_release(), ["release raises"]), (ValueError("data"), [])])
def test_release_that_raises_out_of_a_job_breaks_c10(error, broken):
    story = Story(Once, leaving={"a": error})
    run_once(story)
    story.ends()
    assert story.broken == broken


# -- C11 no lost wake-up -----------------------------------------------------------------------------------------


def test_loader_that_looked_before_it_slept_keeps_c11():
    story = Story(NoLostWakeUp)
    story.publishes("completed")
    story.happens("look", task="loader")
    story.happens("expired", "", task="loader")
    assert (story.broken, story.monitor.judged) == ([], 1)


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_terminal_state_that_the_loader_sleeps_on_breaks_c11(state):
    story = Story(NoLostWakeUp)
    story.publishes(state)
    story.happens("expired", "", task="loader")
    assert story.broken == ["lost wake-up"]


def test_look_of_somebody_else_wakes_nobody():
    story = Story(NoLostWakeUp)
    story.publishes("completed")
    story.happens("look", task="observer")
    story.happens("expired", "", task="loader")
    assert story.broken == ["lost wake-up"]


def test_retry_may_wait_for_the_poll():
    story = Story(NoLostWakeUp)
    story.publishes("retry")
    story.happens("expired", "", task="loader")
    assert (story.broken, story.monitor.judged) == ([], 0)


# -- C12 order-free ----------------------------------------------------------------------------------------------

DONE = Outcome((("a", "completed"), ("b", "completed")), "loaded", "")
FAULT = (("run a", "terminal"),)


def test_same_outcome_keeps_c12():
    agreement = Agreement()
    agreement.learn((), DONE)
    assert agreement.judge((), DONE, 7) is None
    assert agreement.judged == 1


def test_other_outcome_with_other_faults_keeps_c12():
    agreement = Agreement()
    agreement.learn((), DONE)
    assert agreement.judge(FAULT, Outcome(DONE.states, "normalized", "JobsFailed"), 7) is None
    assert agreement.judged == 0


@pytest.mark.parametrize(
    ("other", "where"),
    [
        (Outcome((("a", "completed"), ("b", "failed")), "loaded", ""), "b failed"),
        (Outcome(DONE.states, "normalized", ""), "package in normalized"),
        (Outcome(DONE.states, "loaded", "JobsFailed"), "raises JobsFailed"),
    ],
)
def test_other_outcome_with_the_same_faults_breaks_c12(other, where):
    agreement = Agreement()
    agreement.learn(FAULT, DONE)
    failure = agreement.judge(FAULT, other, 7)
    assert (failure.rule, failure.where, failure.step) == ("C12", where, 7)
    assert "run a breaks: terminal" in failure.expected
