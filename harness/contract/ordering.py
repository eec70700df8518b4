"""Level 1: the order in which a job's steps may be seen (C1 to C5)."""

from __future__ import annotations

from typing import Any

from .events import FINALISE, MARKER, MARKER_GONE, RUN, STATE, TERMINAL, TOUCH, WAKE, Event, View
from .monitor import Monitor


class MarkerBeforeState(Monitor):
    """C1. Judged where a terminal state is published."""

    rule = "C1"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._seen = {job for job in view.jobs if view.evidence(job)}

    def see(self, event: Event) -> None:
        """Remember markers of the current attempt; compare when the state is published."""
        if event.kind == RUN:
            self._seen.discard(event.job)
        elif event.kind == MARKER and self.view.marker(event.job):
            self._seen.add(event.job)
        elif event.kind == STATE:
            state = self.view.state(event.job)
            if state not in TERMINAL:
                return
            self.judged += 1
            if event.job in self._seen:
                return
            if state == "failed" and self.view.callback_error(event.job) is not None:
                return  # the marker could not be written; that this is told is for C7 and C8
            self.breaks(
                event,
                f"state seen before its marker: {event.job!r} is {state!r} and no marker is on disk",
                f"a marker for {event.job!r} before anyone can see {state!r}",
                "state without marker",
            )


class StateBeforeWakeUp(Monitor):
    """C2. Judged where a worker releases the done event.

    What counts is the last state that this worker published: the loader may have seen it already and made a new job
    object for the next attempt, which is "ready".
    """

    rule = "C2"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._published: dict[Any, str | None] = {}  # by task

    def see(self, event: Event) -> None:
        """The state of the job that the worker runs must be out by now."""
        if event.kind == STATE:
            self._published[event.step.task] = self.view.state(event.job)
        if event.kind != WAKE:
            return
        self.judged += 1
        state = self._published.get(event.step.task) or "not started"
        if state in ("not started", "ready", "running"):
            self.breaks(
                event,
                f"wake-up before its state: the done event is released while {event.job!r} is {state!r}",
                f"the state of {event.job!r} published before the done event is released",
                "wake-up without state",
            )


class FinishedBeforeState(Monitor):
    """C3. Judged where a terminal state is published."""

    rule = "C3"

    def see(self, event: Event) -> None:
        """`finished_at` must be set by now."""
        if event.kind != STATE or self.view.state(event.job) not in TERMINAL:
            return
        self.judged += 1
        if not self.view.finished(event.job):
            state = self.view.state(event.job)
            self.breaks(
                event,
                f"state seen before finished_at: {event.job!r} is {state!r} and has no finish time",
                f"finished_at of {event.job!r} before anyone can see {state!r}",
                "state without finished_at",
            )


class QuietAfterFinalise(Monitor):
    """C4. Judged at every change under the package's old path, and where the package is."""

    rule = "C4"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._gone = False

    def see(self, event: Event) -> None:
        """After the rename nothing may happen under the old path."""
        if event.kind == FINALISE:
            if not self._gone and self.view.location() == "loaded":
                self._gone = True
                self.judged += 1
            return
        if not self._gone or event.kind not in (TOUCH, MARKER, MARKER_GONE):
            return
        what = "marker" if event.kind in (MARKER, MARKER_GONE) else "file"
        back = self.view.location() == "both"
        self.breaks(
            event,
            f"late {what}: {event.step.kind} of {event.path} after its package was finalised"
            + (", and the old path is back" if back else ", into a directory that is gone"),
            "nothing under the package's old path once it was renamed to loaded",
            "old path is back" if back else f"late {what}",
        )


class FinaliseWhenTerminal(Monitor):
    """C5. Judged where the package is renamed."""

    rule = "C5"
    reads_at = {FINALISE: (STATE,)}  # noqa: RUF012 - never changed

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._seen: set[str] = set()
        self._done = False

    def see(self, event: Event) -> None:
        """Every job must be terminal, with evidence, when the package goes."""
        if event.kind == RUN:
            self._seen.discard(event.job)
        elif event.kind == MARKER and self.view.marker(event.job):
            self._seen.add(event.job)
        elif event.kind == FINALISE and not self._done and self.view.location() in ("loaded", "both"):
            self._done = True
            self.judged += 1
            for job in self.view.jobs:
                state = self.view.state(job)
                if state not in TERMINAL:
                    self.breaks(
                        event, f"package finalised while {job!r} is {state or 'not started'!r}",
                        f"{job!r} terminal, with evidence, before the package is renamed", "job not terminal",
                    )  # fmt: skip
                elif job not in self._seen and not self.view.evidence(job):
                    self.breaks(
                        event, f"package finalised without evidence that {job!r} is {state!r}",
                        f"{job!r} terminal, with evidence, before the package is renamed", "no evidence",
                    )  # fmt: skip


ORDERING: tuple[type[Monitor], ...] = (
    MarkerBeforeState, StateBeforeWakeUp, FinishedBeforeState, QuietAfterFinalise, FinaliseWhenTerminal,
)  # fmt: skip
