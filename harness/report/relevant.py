"""Which steps of a failing execution matter, and why."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ..contract.events import (
    CALLBACK,
    EXPIRED,
    FINALISE,
    FINISHED,
    LOOK,
    MARKER,
    MARKER_GONE,
    RETURN,
    RUN,
    STATE,
    TOUCH,
    WAKE,
    Event,
)
from ..faults import happened
from ..runtime import Execution
from ..trace import BOOKKEEPING, READ, Failure, Operation, conflicting
from .steps import Who, preempted_by

MOST = 40
"""Steps shown of one failure; preemptions, faults, the last step of each task and the failing step always are."""

_NOTES = {
    RUN: "the destination takes {job!r}",
    MARKER: "marker of {job!r}",
    MARKER_GONE: "marker of {job!r} cleared",
    FINISHED: "{job!r} has finished",
    STATE: "state of {job!r} is out",
    WAKE: "wakes the loader",
    FINALISE: "the package is finalised",
    TOUCH: "",
    CALLBACK: "callback of {job!r}",
    EXPIRED: "nothing else could happen",
    RETURN: "the loader has returned",
}

Chosen = dict[int, str]
"""Indices of the steps that matter, each with a note, which may be empty."""


def that_matter(failure: Failure, execution: Execution, who: Who) -> Chosen:
    """The steps that matter for a failure."""
    events: list[Event] = execution.notes.get("events", [])
    if failure.rule or (events and failure.kind == "exception"):
        chosen = _of_contract(failure, execution.steps, events)
    else:
        chosen = _that_meet(execution.steps)
    always = _always(failure, execution, who)
    for index in sorted(set(chosen) - set(always))[: max(0, len(chosen) - MOST)]:
        del chosen[index]  # the oldest first
    for index, note in always.items():
        chosen[index] = "; ".join(part for part in (chosen.get(index, ""), note) if part)
    return dict(sorted(chosen.items()))


def _always(failure: Failure, execution: Execution, who: Who) -> Chosen:
    steps = execution.steps
    found = {s.index: preempted_by(s, steps, who) for s in steps if s.preempted}
    for fault in happened(execution):
        note = f"breaks: {fault.kind}"
        found[fault.step] = "; ".join(part for part in (found.get(fault.step, ""), note) if part)
    if failure.kind in ("deadlock", "livelock"):
        last = {step.task: step.index for step in steps}
        for index in last.values():
            found.setdefault(index, "")
    if 0 <= failure.step < len(steps) and failure.kind in ("rule", "exception"):
        found.setdefault(failure.step, "")
    return found


def _of_contract(failure: Failure, steps: list[Operation], events: list[Event]) -> Chosen:
    """The contract's events of the jobs concerned, from their first attempt on, and who saw their states."""
    jobs = _concerned(failure, steps, events)
    chosen: Chosen = {}
    begun: set[str] = set()
    for event in events:
        if event.kind == LOOK:
            continue
        if event.kind == RUN:
            begun.add(event.job)
        if event.kind in (FINALISE, EXPIRED, RETURN) or (event.job in jobs and event.job in begun):
            chosen[event.step.index] = _NOTES[event.kind].format(job=event.job)
            seen = _first_look(event, steps) if event.kind == STATE else None
            if seen is not None:
                chosen.setdefault(seen, f"sees the state of {event.job!r}")
    return chosen


def _concerned(failure: Failure, steps: list[Operation], events: list[Event]) -> set[str]:
    """The failure's job, or the one that the failing task was at; all where that is unknown."""
    every = {event.job for event in events if event.job}
    if failure.subject in every:
        return {failure.subject}
    if 0 <= failure.step < len(steps):
        task = steps[failure.step].task
        mine = [e.job for e in events if e.kind == RUN and e.step.task is task and e.step.index <= failure.step]
        if mine:
            return {mine[-1]}
    return every


def _first_look(event: Event, steps: list[Operation]) -> int | None:
    """The first step of another task that reads what the event has written, before it is written again."""
    resource = event.step.resource
    for step in steps[event.step.index + 1 :]:
        if step.resource != resource:
            continue
        if step.accesses[0][1] != READ:
            return None
        if step.task is not event.step.task:
            return step.index
    return None


def _that_meet(steps: list[Operation]) -> Chosen:
    """Steps that conflict with a step of another task, on something of the program's own."""
    modes: dict[str, set[tuple[Any, str]]] = defaultdict(set)
    for step in steps:
        for name, mode in step.accesses:
            if not name.startswith(BOOKKEEPING):
                modes[name].add((step.task, mode))
    return {
        step.index: ""
        for step in steps
        if any(
            task is not step.task and conflicting(mode, other)
            for name, mode in step.accesses
            for task, other in modes[name]
        )
    }
