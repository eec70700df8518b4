"""Which steps of a loader's failing execution are shown."""

from __future__ import annotations

from typing import Any

from harness.contract.events import FINALISE, MARKER, RUN, STATE, Event
from harness.report.relevant import MOST, that_matter
from harness.report.steps import plain_name
from harness.runtime import Task
from harness.trace import READ, WRITE, Failure, Operation

LOADER = Task((), "main", lambda: None)
WORKER = Task((1,), "worker", lambda: None)


class Trace:
    """An execution made by hand: steps, and what they are in the words of the contract."""

    def __init__(self) -> None:
        self.steps: list[Operation] = []
        self.notes: dict[str, Any] = {"events": []}

    def add(self, task: Any, resource: str, mode: str, event: str = "", job: str = "", preempted: bool = False) -> int:
        step = Operation("read" if mode == READ else "write", ((resource, mode),))
        step.task, step.index, step.preempted = task, len(self.steps), preempted
        self.steps.append(step)
        if event:
            self.notes["events"].append(Event(event, job, step))
        return step.index


def chosen(trace: Trace, failure: Failure) -> dict[int, str]:
    return that_matter(failure, trace, plain_name)  # type: ignore[arg-type]


def test_the_contracts_events_of_the_job_and_who_saw_its_state() -> None:
    trace = Trace()
    trace.add(LOADER, "attr a._state", WRITE, STATE, "a")  # before it runs
    run = trace.add(WORKER, "step run a", WRITE, RUN, "a")
    other = trace.add(WORKER, "step run b", WRITE, RUN, "b")
    state = trace.add(WORKER, "attr a._state", WRITE, STATE, "a")
    own = trace.add(WORKER, "attr a._state", READ)
    seen = trace.add(LOADER, "attr a._state", READ)
    again = trace.add(LOADER, "attr a._state", READ)
    marker = trace.add(WORKER, "file a", WRITE, MARKER, "a")
    end = trace.add(LOADER, "file package", WRITE, FINALISE)
    found = chosen(trace, Failure("rule", "x", rule="C1", subject="a", step=state))
    assert list(found) == [run, state, seen, marker, end]
    assert found[seen] == "sees the state of 'a'"
    assert not {0, other, own, again} & set(found)


def test_a_state_that_is_written_again_was_not_seen_by_a_later_reader() -> None:
    trace = Trace()
    trace.add(WORKER, "step run a", WRITE, RUN, "a")
    trace.add(WORKER, "attr a._state", WRITE, STATE, "a")
    last = trace.add(WORKER, "attr a._state", WRITE, STATE, "a")
    reader = trace.add(LOADER, "attr a._state", READ)
    found = chosen(trace, Failure("rule", "x", rule="C1", subject="a", step=last))
    assert [index for index, note in found.items() if note.startswith("sees")] == [reader]


def test_a_failure_of_no_job_is_told_by_the_job_that_its_task_was_at() -> None:
    trace = Trace()
    theirs = trace.add(LOADER, "step run b", WRITE, RUN, "b")
    mine = trace.add(WORKER, "step run a", WRITE, RUN, "a")
    late = trace.add(WORKER, "file a.metrics", WRITE)
    found = chosen(trace, Failure("rule", "late", rule="C4", step=late))
    assert set(found) == {mine, late}
    assert theirs not in found


def test_preemptions_are_always_shown() -> None:
    trace = Trace()
    run = trace.add(WORKER, "step run a", WRITE, RUN, "a")
    turn = trace.add(LOADER, "lock 1", WRITE, preempted=True)
    trace.add(WORKER, "file a", WRITE)
    found = chosen(trace, Failure("rule", "x", rule="C1", subject="a", step=run))
    assert found[turn] == "preempts worker before its write of a"


def test_of_very_many_the_last_are_shown() -> None:
    trace = Trace()
    for _ in range(MOST):
        trace.add(WORKER, "attr n", WRITE)
        trace.add(LOADER, "attr n", READ)
    found = chosen(trace, Failure("deadlock", "x"))
    assert len(found) == MOST
    assert max(found) == len(trace.steps) - 1
