"""A loader that is nothing but what an observer would see of it, changed event by event."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.contract import Event, Monitor
from harness.runtime import Task
from harness.trace import Operation


@dataclass
class Seen:
    """`contract.View`, set by hand."""

    jobs: tuple[str, ...] = ("a",)
    states: dict[str, str] = field(default_factory=dict)
    finish_times: set[str] = field(default_factory=set)
    markers: set[str] = field(default_factory=set)
    put_away: set[str] = field(default_factory=set)
    first_errors: dict[str, BaseException] = field(default_factory=dict)
    callback_errors: dict[str, BaseException] = field(default_factory=dict)
    shown_errors: dict[str, BaseException] = field(default_factory=dict)
    leaving: dict[str, BaseException] = field(default_factory=dict)
    committed: dict[str, int] = field(default_factory=dict)
    outcome: BaseException | None = None
    where: str = "normalized"

    def state(self, job: str) -> str | None:
        return self.states.get(job)

    def finished(self, job: str) -> bool:
        return job in self.finish_times

    def evidence(self, job: str) -> bool:
        return job in self.markers or job in self.put_away

    def marker(self, job: str) -> bool:
        return job in self.markers

    def location(self) -> str:
        return self.where

    def destination_error(self, job: str) -> BaseException | None:
        return self.first_errors.get(job)

    def callback_error(self, job: str) -> BaseException | None:
        return self.callback_errors.get(job)

    def recorded_error(self, job: str) -> BaseException | None:
        return self.shown_errors.get(job)

    def left_with(self, job: str) -> BaseException | None:
        return self.leaving.get(job)

    def commits(self, job: str) -> int:
        return self.committed.get(job, 0)

    def raised(self) -> BaseException | None:
        return self.outcome


class Story:
    """Tells a monitor what happens, one event after another."""

    def __init__(self, monitor: type[Monitor], **seen: object) -> None:
        self.seen = Seen(**seen)  # type: ignore[arg-type]
        self.monitor = monitor(self.seen)
        self._tasks: dict[str, Task] = {}

    def happens(self, kind: str, job: str = "a", *, path: str = "", step: str = "", task: str = "worker") -> None:
        self.monitor.see(self._event(kind, job, path, step, task))

    def _event(self, kind: str, job: str, file: str, step: str, task: str) -> Event:
        operation = Operation(step or kind)
        path = () if task == "loader" else (len(self._tasks) + 1,)
        operation.task = self._tasks.setdefault(task, Task(path, task, lambda: None))
        return Event(kind, job, operation, file)

    def returns(self, error: BaseException | None = None) -> None:
        self.seen.outcome = error
        self.happens("return", "", task="loader")

    def ends(self, ending: str = "finished") -> None:
        self.monitor.end(ending, self._event("end", "", "", "", "loader"))

    def publishes(self, state: str, job: str = "a", *, task: str = "worker") -> None:
        self.seen.states[job] = state
        self.happens("state", job, task=task)

    def marks(self, job: str = "a") -> None:
        self.seen.markers.add(job)
        self.happens("marker", job)

    def finalises(self) -> None:
        self.seen.where = "loaded"
        self.happens("finalise", "")

    @property
    def broken(self) -> list[str]:
        return [where for _event, _error, _expected, where in self.monitor.broken]

    @property
    def errors(self) -> str:
        return "\n".join(error for _event, error, _expected, _where in self.monitor.broken)
