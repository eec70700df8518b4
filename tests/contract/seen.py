"""A loader that is nothing but what an observer would see of it, changed event by event."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.contract import Event, Monitor
from harness.trace import Operation


@dataclass
class Seen:
    """`contract.View`, set by hand."""

    jobs: tuple[str, ...] = ("a",)
    states: dict[str, str] = field(default_factory=dict)
    finish_times: set[str] = field(default_factory=set)
    markers: set[str] = field(default_factory=set)
    put_away: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
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

    def ran_badly(self, job: str) -> bool:
        return job in self.refused


class Story:
    """Tells a monitor what happens, one event after another."""

    def __init__(self, monitor: type[Monitor], **seen: object) -> None:
        self.seen = Seen(**seen)  # type: ignore[arg-type]
        self.monitor = monitor(self.seen)

    def happens(self, kind: str, job: str = "a", *, path: str = "", step: str = "", task: str = "worker") -> None:
        operation = Operation(step or kind)
        operation.task = task
        self.monitor.see(Event(kind, job, operation, path))

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
