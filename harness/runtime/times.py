"""Virtual time, in seconds. Each task has a clock of its own.

Expired waits and sleeps move the clock of their task only; others learn of it through what they share: whoever
touches a resource is not earlier than those whose steps on it came before. So what a clock says follows from the trace
alone, and two orders of independent steps read the same times.
"""

from __future__ import annotations

from ..trace import ADD, GO, READ, Operation


class Times:
    """The clocks of one execution. Costs nothing until the first wait expires."""

    __slots__ = ("_moved", "_resources", "_upto")

    def __init__(self) -> None:
        self._moved = False
        self._upto = 0  # steps that are accounted for
        self._resources: dict[str, list[float]] = {}  # latest write, addition, read

    def move(self, index: int) -> None:
        """The step of this index is the end of a timed wait or sleep."""
        if not self._moved:
            self._moved = True
            self._upto = index

    def settle(self, steps: list[Operation]) -> None:
        """Account for the steps so far."""
        if not self._moved:
            return
        for index in range(self._upto, len(steps)):
            self._account(steps[index])
        self._upto = len(steps)

    def _account(self, step: Operation) -> None:
        task = step.task
        now: float = task.clock
        if step.deadline is not None and (step.poll or step.outcome is not GO):
            now = max(now, step.deadline)
        for name, mode in step.accesses:
            times = self._resources.get(name)
            if times is not None:
                written, added, read = times
                now = max(now, written)
                if mode is not ADD:
                    now = max(now, added)
                    if mode is not READ:
                        now = max(now, read)
        task.clock = now
        if now > 0.0:
            for name, mode in step.accesses:
                times = self._resources.setdefault(name, [0.0, 0.0, 0.0])
                kind = 2 if mode is READ else 1 if mode is ADD else 0
                times[kind] = max(times[kind], now)
