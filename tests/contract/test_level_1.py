"""Each monitor of level 1, seen passing, seen failing, and seen staying silent where it has nothing to say."""

from __future__ import annotations

import pytest
from seen import Story

from harness.contract.ordering import (
    FinaliseWhenTerminal,
    FinishedBeforeState,
    MarkerBeforeState,
    QuietAfterFinalise,
    StateBeforeWakeUp,
)

# -- C1 marker before state --------------------------------------------------------------------------------------


def test_marker_then_state_is_in_order():
    story = Story(MarkerBeforeState)
    story.marks()
    story.publishes("completed")
    assert story.broken == []
    assert story.monitor.judged == 1


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_terminal_state_without_a_marker_breaks_c1(state):
    story = Story(MarkerBeforeState)
    story.publishes(state)
    assert story.broken == ["state without marker"]
    assert f"'a' is {state!r} and no marker is on disk" in story.errors


def test_marker_that_the_loader_has_consumed_already_counts():
    story = Story(MarkerBeforeState)
    story.marks()
    story.seen.markers.clear()
    story.publishes("completed")
    assert story.broken == []


def test_job_with_evidence_from_before_the_run_needs_no_new_marker():
    story = Story(MarkerBeforeState, put_away={"a"})
    story.publishes("completed")
    assert story.broken == []


def test_marker_of_an_earlier_attempt_does_not_count():
    story = Story(MarkerBeforeState)
    story.marks()
    story.seen.markers.clear()
    story.happens("run")
    story.publishes("completed")
    assert story.broken == ["state without marker"]


def test_job_failed_because_its_marker_could_not_be_written_is_exempt():
    story = Story(MarkerBeforeState, callback_errors={"a": OSError()})
    story.publishes("failed")
    assert story.broken == []


def test_marker_that_is_written_but_not_valid_does_not_count():
    story = Story(MarkerBeforeState)
    story.happens("marker")
    story.publishes("completed")
    assert story.broken == ["state without marker"]


@pytest.mark.parametrize("state", ["ready", "running", "retry"])
def test_c1_does_not_judge_a_state_that_is_not_terminal(state):
    story = Story(MarkerBeforeState)
    story.publishes(state)
    assert (story.broken, story.monitor.judged) == ([], 0)


# -- C2 state before wake-up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["completed", "failed", "retry"])
def test_state_then_wake_up_is_in_order(state):
    story = Story(StateBeforeWakeUp)
    story.publishes("running")
    story.publishes(state)
    story.happens("wake-up")
    assert story.broken == []
    assert story.monitor.judged == 1


def test_wake_up_while_the_job_is_running_breaks_c2():
    story = Story(StateBeforeWakeUp)
    story.publishes("running")
    story.happens("wake-up")
    assert story.broken == ["wake-up without state"]
    assert "released while 'a' is 'running'" in story.errors


def test_wake_up_before_any_state_breaks_c2():
    story = Story(StateBeforeWakeUp)
    story.happens("wake-up")
    assert story.broken == ["wake-up without state"]


def test_new_job_object_for_the_next_attempt_is_no_missing_state():
    story = Story(StateBeforeWakeUp)
    story.publishes("running")
    story.publishes("retry")
    story.publishes("ready", task="loader")  # the loader saw "retry" and made the job anew
    story.happens("wake-up")
    assert story.broken == []


# -- C3 finished before state ------------------------------------------------------------------------------------


def test_finish_time_then_state_is_in_order():
    story = Story(FinishedBeforeState, finish_times={"a"})
    story.publishes("completed")
    assert story.broken == []
    assert story.monitor.judged == 1


def test_terminal_state_without_a_finish_time_breaks_c3():
    story = Story(FinishedBeforeState)
    story.publishes("failed")
    assert story.broken == ["state without finished_at"]


def test_c3_does_not_judge_a_retry():
    story = Story(FinishedBeforeState)
    story.publishes("retry")
    assert (story.broken, story.monitor.judged) == ([], 0)


# -- C4 quiet after finalise -------------------------------------------------------------------------------------


def test_silence_after_the_rename_keeps_c4():
    story = Story(QuietAfterFinalise)
    story.happens("touch", path="normalized/1/a")
    story.marks()
    story.happens("marker gone")
    story.finalises()
    assert story.broken == []
    assert story.monitor.judged == 1


@pytest.mark.parametrize("kind", ["marker", "marker gone"])
def test_late_marker_breaks_c4(kind):
    story = Story(QuietAfterFinalise)
    story.finalises()
    story.happens(kind, path="normalized/1/.pending_transitions/a", step="replace")
    assert story.broken == ["late marker"]
    assert "replace of normalized/1/.pending_transitions/a" in story.errors
    assert "into a directory that is gone" in story.errors


def test_late_file_breaks_c4():
    story = Story(QuietAfterFinalise)
    story.finalises()
    story.happens("touch", "", path="normalized/1/a.metrics")
    assert story.broken == ["late file"]


def test_old_path_that_comes_back_breaks_c4():
    story = Story(QuietAfterFinalise)
    story.finalises()
    story.seen.where = "both"
    story.happens("touch", "", path="normalized/1")
    assert story.broken == ["old path is back"]


def test_rename_that_failed_does_not_end_the_package():
    story = Story(QuietAfterFinalise)
    story.happens("finalise", "")
    story.happens("touch", "", path="normalized/1/a")
    assert (story.broken, story.monitor.judged) == ([], 0)


# -- C5 finalise when terminal -----------------------------------------------------------------------------------


def test_package_put_away_with_every_job_terminal_keeps_c5():
    story = Story(FinaliseWhenTerminal, jobs=("a", "b"))
    for job, state in (("a", "completed"), ("b", "failed")):
        story.marks(job)
        story.publishes(state, job)
    story.finalises()
    assert story.broken == []
    assert story.monitor.judged == 1


@pytest.mark.parametrize("state", ["ready", "running", "retry"])
def test_package_put_away_with_a_job_that_is_not_terminal_breaks_c5(state):
    story = Story(FinaliseWhenTerminal, jobs=("a", "b"))
    story.marks("a")
    story.publishes("completed", "a")
    story.publishes(state, "b")
    story.finalises()
    assert story.broken == ["job not terminal"]
    assert f"'b' is {state!r}" in story.errors


def test_package_put_away_with_a_job_never_started_breaks_c5():
    story = Story(FinaliseWhenTerminal)
    story.finalises()
    assert "'a' is 'not started'" in story.errors


def test_package_put_away_without_evidence_for_a_job_breaks_c5():
    story = Story(FinaliseWhenTerminal)
    story.publishes("completed")
    story.finalises()
    assert story.broken == ["no evidence"]


def test_marker_that_was_consumed_before_the_package_went_is_evidence():
    story = Story(FinaliseWhenTerminal)
    story.marks()
    story.publishes("completed")
    story.seen.markers.clear()
    story.finalises()
    assert story.broken == []


def test_marker_of_an_earlier_attempt_is_no_evidence():
    story = Story(FinaliseWhenTerminal)
    story.marks()
    story.seen.markers.clear()
    story.happens("run")
    story.publishes("completed")
    story.finalises()
    assert story.broken == ["no evidence"]


def test_rename_that_did_not_happen_is_not_judged_by_c5():
    story = Story(FinaliseWhenTerminal)
    story.happens("finalise", "")
    assert (story.broken, story.monitor.judged) == ([], 0)
