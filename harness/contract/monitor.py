"""Monitors: one object for each rule and execution, told of every event, judging where the rule could break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import ClassVar

from ..runtime import Execution
from ..trace import READ, Failure, Operation
from .events import Event, View
from .rules import RULES

ENDINGS = ("finished", "deadlock", "livelock")
"""How an execution ends of which something can be said: nothing more could happen in it."""

Lens = Callable[[Operation], Event | None]
"""Translates a step into the contract's words; None where they have none for it."""


class Monitor:
    """Watches one execution for one rule. Subclasses set `rule` and override `see`.

    A monitor reads only what `View` shows and keeps nothing else than its own notes: it takes no lock and makes no
    step. What it judges at an event must be written by that event's own task, or by steps that depend on the event, or
    be declared in `reads_at`; then the order of two steps that it could tell apart is never left out by a search that
    leaves out equivalent orders.
    """

    rule = ""
    reads_at: ClassVar[dict[str, tuple[str, ...]]] = {}
    """For a kind of event, the kinds of event that change what is read there: the two become dependent steps."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.judged = 0  # how often the rule could have been broken here
        self.broken: list[tuple[Event, str, str, str]] = []

    def see(self, event: Event) -> None:
        """An event has happened."""
        raise NotImplementedError

    def end(self, ending: str, last: Event) -> None:
        """The execution is over. ``ending``: how; ``last``: stands for the last step of the loader's thread."""

    def breaks(self, event: Event, error: str, expected: str, where: str) -> None:
        """The rule is broken at this event. ``where`` tells its faces apart."""
        self.broken.append((event, error, expected, where))


class Watch:
    """The monitors of one execution after another. What it learns over all of them is in its counters."""

    def __init__(self, monitors: Iterable[type[Monitor]], make: Callable[[], tuple[View, Lens]]) -> None:
        self._classes = tuple(monitors)
        self._make = make
        self._reads: dict[str, tuple[str, ...]] = {}
        for cls in self._classes:
            for kind, read in cls.reads_at.items():
                self._reads[kind] = tuple(dict.fromkeys((*self._reads.get(kind, ()), *read)))
        self._execution: Execution | None = None
        self._view: View
        self._lens: Lens = lambda _: None
        self._monitors: list[Monitor] = []
        self.events: list[Event] = []
        self.judged: Counter[str] = Counter()

    def __call__(self, execution: Execution, step: Operation) -> None:
        """A step has happened: translate it and tell the monitors."""
        if execution is not self._execution:
            self._execution = execution
            self._view, self._lens = self._make()
            self._monitors = [cls(self._view) for cls in self._classes]
            self.events = []
        event = self._lens(step)
        if event is None:
            return
        self.events.append(event)
        for kind in self._reads.get(event.kind, ()):
            step.accesses += tuple((name, READ) for name in self._view.resources(kind))
        for monitor in self._monitors:
            before = monitor.judged
            monitor.see(event)
            self._collect(execution, monitor, before)

    def end(self, execution: Execution) -> None:
        """The execution is over; of one that was given up nothing can be said."""
        if execution is not self._execution or execution.ending not in ENDINGS:
            return
        last = next((step for step in reversed(execution.steps) if not step.task.path), execution.steps[-1])
        for monitor in self._monitors:
            before = monitor.judged
            monitor.end(execution.ending, Event("end", "", last))
            self._collect(execution, monitor, before)

    def _collect(self, execution: Execution, monitor: Monitor, before: int) -> None:
        self.judged[monitor.rule] += monitor.judged - before
        for found, error, expected, where in monitor.broken:
            execution.failures.append(
                Failure("rule", error, rule=monitor.rule, subject=found.job, where=where,
                        step=found.step.index, expected=expected)
            )  # fmt: skip
        monitor.broken.clear()


def title(rule: str) -> str:
    """``C1 marker before state``."""
    return f"{rule} {RULES[rule].name}" if rule in RULES else rule
