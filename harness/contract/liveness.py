"""Level 2: whatever raises, every job ends, no error gets lost, and nothing happens twice (C6 to C11)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .events import (
    CALLBACK,
    EXPIRED,
    FINISHED,
    LOOK,
    MARKER,
    RETURN,
    RUN,
    STATE,
    TERMINAL,
    TOUCH,
    Event,
    View,
    came_of,
)
from .monitor import Monitor


def _text(error: BaseException | None) -> str:
    return "nothing" if error is None else f"{type(error).__name__}: {error}".rstrip(": ")


class AlwaysTerminal(Monitor):
    """C6. Judged at the end of the execution."""

    rule = "C6"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._started: dict[str, Event] = {}
        self._returned = False

    def see(self, event: Event) -> None:
        """Remember which jobs were started, and where their states were last published."""
        if event.kind == RETURN:
            self._returned = True
        elif event.kind == STATE:
            self._started[event.job] = event

    def end(self, ending: str, last: Event) -> None:
        """Nothing can happen any more: no job may be under way, and the loader must not be waiting."""
        if not self._started and self._returned:
            return
        self.judged += 1
        expected = 'every started job "completed", "failed" or "retry", and the loader not waiting for ever'
        states = {job: self.view.state(job) for job in self._started}
        if not self._returned:
            stuck = [f"{job!r} is {state!r}" for job, state in states.items() if state not in (*TERMINAL, "retry")]
            text = f"the loader waits for ever: {', '.join(stuck) or 'no job is under way'}"
            self.breaks(last, text, expected, "loader waits for ever")
            return
        for job, state in states.items():
            if state == "running":
                text = f"job never ends: {job!r} is 'running' for ever"
                self.breaks(self._started[job], text, expected, "job never ends")


class NoFalseSuccess(Monitor):
    """C7. Judged where a state is published after the callback raised, and at the end."""

    rule = "C7"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._failed: dict[str, tuple[Event, BaseException]] = {}

    def see(self, event: Event) -> None:
        """A job whose callback raised must not be published as completed."""
        if event.kind != STATE:
            return
        error = self.view.callback_error(event.job)
        if error is None:
            return
        self._failed[event.job] = event, error
        self.judged += 1
        if self.view.state(event.job) == "completed":
            self.breaks(
                event, f"false success: {event.job!r} is 'completed' although its marker failed with {_text(error)}",
                f"{event.job!r} not 'completed' without a marker", "completed without marker",
            )  # fmt: skip

    def end(self, ending: str, last: Event) -> None:
        """The caller must meet the error: raised, or recorded on the job."""
        for job, (event, error) in self._failed.items():
            met = [*came_of(self.view.raised()), *came_of(self.view.recorded_error(job))]
            if not any(each is error for each in met):
                self.breaks(
                    event, f"error lost: the callback of {job!r} raised {_text(error)}, and nobody was told",
                    "the error raised by the loader, or recorded on the job", "callback error lost",
                )  # fmt: skip


class FirstErrorWins(Monitor):
    """C8. Judged where a job is terminal after destination and callback have both raised."""

    rule = "C8"

    def see(self, event: Event) -> None:
        """The destination's error must be the job's, and the callback's hang on it."""
        if event.kind != STATE or self.view.state(event.job) not in TERMINAL:
            return
        job = event.job
        first, second = self.view.destination_error(job), self.view.callback_error(job)
        if first is None or second is None:
            return
        self.judged += 1
        kept = self.view.recorded_error(job)
        expected = f"{_text(first)}, with {_text(second)} chained to it"
        if kept is not first:
            self.breaks(
                event, f"first error replaced: {job!r} shows {_text(kept)} instead of {_text(first)}",
                expected, "first error replaced",
            )  # fmt: skip
        elif not any(each is second for each in came_of(kept)):
            self.breaks(
                event, f"second error not chained: {job!r} shows {_text(kept)} and nothing of {_text(second)}",
                expected, "second error not chained",
            )  # fmt: skip


class SilentRetry(Monitor):
    """C9. Judged where "retry" is published, and until the next attempt."""

    rule = "C9"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._marked: set[str] = set()
        self._waiting: set[str] = set()  # between "retry" and the next attempt

    def see(self, event: Event) -> None:
        """No marker and no finish time, before or after."""
        job = event.job
        if event.kind == STATE:
            state = self.view.state(job)
            if state in ("ready", "running"):
                self._waiting.discard(job)
                self._marked.discard(job)
            elif state == "retry":
                self._waiting.add(job)
                self.judged += 1
                if job in self._marked or self.view.marker(job):
                    self._marker(event)
                if self.view.finished(job):
                    self._finished(event)
        elif event.kind == MARKER and self.view.marker(job):
            self._marked.add(job)
            if job in self._waiting:
                self._marker(event)
        elif event.kind == FINISHED and job in self._waiting and self.view.finished(job):
            self._finished(event)

    def _marker(self, event: Event) -> None:
        self.breaks(
            event, f"marker on retry: {event.job!r} is to be tried again and has a marker",
            f"no marker of {event.job!r} until it is terminal", "marker on retry",
        )  # fmt: skip

    def _finished(self, event: Event) -> None:
        self.breaks(
            event, f"finish time on retry: {event.job!r} is to be tried again and has finished",
            f"no finish time of {event.job!r} until it is terminal", "finish time on retry",
        )  # fmt: skip


class Once(Monitor):
    """C10. Judged at every commit and every terminal state, and for work that goes on after the loader has returned."""

    rule = "C10"
    reads_at = dict.fromkeys((RUN, CALLBACK, STATE, MARKER, TOUCH), (RETURN,))

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._callbacks: Counter[str] = Counter()
        self._run: dict[str, Event] = {}
        self._twice: set[str] = set()
        self._returned = False

    def see(self, event: Event) -> None:
        """Count, by job and attempt."""
        job = event.job
        if event.kind == RETURN:
            self._returned = True
        elif self._returned and event.kind in self.reads_at:
            self.breaks(
                event, f"work after the end: {event.step.kind} for {job or event.path!r} after the loader had returned",
                "no worker at work once the run that started it has returned", "work after the end",
            )  # fmt: skip
        if event.kind == RUN:
            self._run[job] = event
            self.judged += 1
            self._committed(job, event)
        elif event.kind == CALLBACK:
            self._callbacks[job] += 1
        elif event.kind == STATE:
            self._published(event)

    def _published(self, event: Event) -> None:
        job, state = event.job, self.view.state(event.job)
        if state == "running":
            self._callbacks[job] = 0
        elif state in TERMINAL and self._callbacks[job] > 1:
            self.breaks(
                event, f"callback repeated: that of {job!r} ran {self._callbacks[job]} times for one {state!r}",
                "the callback exactly once for a terminal state", "callback repeated",
            )  # fmt: skip

    def _committed(self, job: str, event: Event) -> None:
        if self.view.commits(job) > 1 and job not in self._twice:
            self._twice.add(job)
            self.breaks(
                event, f"loaded twice: {job!r} was committed {self.view.commits(job)} times without a crash",
                f"{job!r} committed once", "loaded twice",
            )  # fmt: skip

    def end(self, ending: str, last: Event) -> None:
        """What a slow job committed after its step, and what a release has raised."""
        for job in self.view.jobs:
            self._committed(job, self._run.get(job, last))
            error = self.view.left_with(job)
            if error is not None and _raised_by_release(error):
                self.breaks(
                    self._run.get(job, last), f"release raises: {_text(error)} left the worker of {job!r}",
                    "a release of the done event that raises nothing out of a job", "release raises",
                )  # fmt: skip


def _raised_by_release(error: BaseException) -> bool:
    """Whether an exception comes from giving back more of a semaphore than was taken."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else trace.tb_frame.f_code.co_name
    return isinstance(error, ValueError) and (name == "release" or "released too many times" in str(error))


class NoLostWakeUp(Monitor):
    """C11. Judged where the loader's wait ends for want of anything else to happen."""

    rule = "C11"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._published: dict[str, Any] = {}  # terminal, and not seen by the loader since; with the task

    def see(self, event: Event) -> None:
        """A terminal state must not be what the loader sleeps on."""
        if event.kind == STATE:
            if self.view.state(event.job) in TERMINAL and event.step.task.path:
                self.judged += 1
                self._published[event.job] = event.step.task
            else:
                self._published.pop(event.job, None)
        elif event.kind == LOOK and not event.step.task.path:
            self._published.pop(event.job, None)
        elif event.kind == EXPIRED:
            for job in self._published:
                self.breaks(
                    Event(EXPIRED, job, event.step),
                    f"lost wake-up: {job!r} is {self.view.state(job)!r}, and the loader slept until its poll expired",
                    "the loader woken by every terminal state", "lost wake-up",
                )  # fmt: skip
            self._published.clear()


LIVENESS: tuple[type[Monitor], ...] = (
    AlwaysTerminal, NoFalseSuccess, FirstErrorWins, SilentRetry, Once, NoLostWakeUp,
)  # fmt: skip
