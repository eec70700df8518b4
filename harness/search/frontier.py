"""Exhaustive strategies over a frontier of branches: each schedule is run exactly once.

A *branch* is a prefix of choices of an execution that was run, and another option at its end. `Dfs` takes the newest
branch first. `Bounded` takes the one with the fewest preemptions first (iterative context bounding: Musuvathi and
Qadeer, PLDI 2007), so that the first failure found is one with the fewest.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import Any

from ..runtime import ChoicePoint, Execution
from ..trace import Operation
from .happens_before import races
from .strategy import differs

Key = tuple[str, str, str]


def key_of(operation: Operation) -> Key:
    """What an operation is, in every execution: who does what to which resource."""
    return (operation.task.key, operation.kind, operation.resource)


class _Run:
    """What branches of one execution share: its choices, and what was chosen there (for the determinism check)."""

    __slots__ = ("log", "signs")

    def __init__(self, log: list[int], signs: list[int]) -> None:
        self.log = array("H", log)
        self.signs = array("L", signs)


Branch = tuple[_Run, int, int]  # run, position, option


class Dfs:
    """Everything, no reduction. The yardstick that the others are held against."""

    bounds = ""

    def __init__(self) -> None:
        self.complete = False
        self._stack: list[Branch] = []
        self._started = False
        self._parent: _Run | None = None
        self._prefix: list[int] = []
        self._signs: list[int] = []
        self._offers: list[tuple[int, int, int, Key | None]] = []  # position, option, cost, key it is parked under
        self._cost = 0
        self._ids: dict[Any, int] = {}

    # -- the strategy interface ------------------------------------------------------------------------------

    def start(self) -> bool:
        """Take the next branch."""
        self._signs, self._offers, self._cost = [], [], 0
        if not self._started:
            self._started = True
            return True
        branch = self._take()
        if branch is None:
            self.complete = True
            return False
        self._parent, position, option = branch
        self._prefix = [*self._parent.log[:position], option]
        return True

    def choose(self, point: ChoicePoint) -> int:
        """Follow the prefix, then run on, noting the options left aside."""
        depth = len(self._signs)
        index = 0
        if depth < len(self._prefix):
            index = self._prefix[depth]
            if index >= len(point.options):
                raise differs(depth, "an option that is not there now")
        else:
            self._branch_off(depth, point)
        sign = self._sign(point, index)
        self._signs.append(sign)
        if depth < len(self._prefix) - 1 and self._parent is not None and self._parent.signs[depth] != sign:
            recorded = next((k for k, v in self._ids.items() if v == self._parent.signs[depth]), None)
            raise differs(depth, f"recorded {_text(recorded)}, now {_text(_sign_key(point, index))}")
        if index and point.preemptive and point.options[index].task is not point.current:
            self._cost += 1
        return index

    def finish(self, execution: Execution) -> None:
        """Keep the branches of the execution that has ended."""
        if self._offers:
            run = _Run(execution.log, self._signs)
            for position, option, cost, key in self._offers:
                self._put((run, position, option), cost, key)

    # -- what a frontier is made of --------------------------------------------------------------------------

    def _branch_off(self, depth: int, point: ChoicePoint) -> None:
        for option in range(len(point.options) - 1, 0, -1):
            self._offers.append((depth, option, 0, None))

    def _put(self, branch: Branch, cost: int, key: Key | None) -> None:
        self._stack.append(branch)

    def _take(self) -> Branch | None:
        return self._stack.pop() if self._stack else None

    def _sign(self, point: ChoicePoint, index: int) -> int:
        return self._ids.setdefault(_sign_key(point, index), len(self._ids))


def _sign_key(point: ChoicePoint, index: int) -> tuple[str, ...]:
    option = point.options[index]
    if point.kind != "schedule":
        return (point.kind, str(option))
    return (*key_of(option.operation), option.outcome)


def _text(sign: tuple[str, ...] | None) -> str:
    if sign is None:
        return "nothing"
    if len(sign) == 2:
        return f"{sign[0]}: {sign[1]}"
    return f"task {sign[0]}: {sign[1]} {sign[2]}"


class Bounded(Dfs):
    """All schedules with at most ``preemptions`` preemptions, the fewest first.

    Args:
        preemptions: the bound.
        reduce: leave out preemptions before operations that never race. A task stopped before such an operation
            could as well do it first: it commutes with all that happens before the task goes on, so some schedule
            with no more preemptions passes through the same states. Which operations race is learned from the
            executions; branches wait, parked, until theirs does. Without it every schedule is run and counted.
    """

    def __init__(self, preemptions: int = 2, reduce: bool = True) -> None:
        super().__init__()
        self.preemptions = preemptions
        self.reduce = reduce
        self.bounds = f"at most {preemptions} preemption{'' if preemptions == 1 else 's'}"
        self._buckets: list[list[Branch]] = [[] for _ in range(preemptions + 1)]
        self._parked: dict[Key, list[tuple[Branch, int]]] = defaultdict(list)
        self._racing: set[Key] = set()
        self.cut = False
        """Whether the bound left anything out."""

    def finish(self, execution: Execution) -> None:
        """Learn which operations race, then keep the branches."""
        if self.reduce:
            for earlier, _ in races(execution.steps):
                self._unpark(key_of(execution.steps[earlier]))
        super().finish(execution)

    def _unpark(self, key: Key) -> None:
        if key not in self._racing:
            self._racing.add(key)
            for branch, cost in self._parked.pop(key, ()):
                self._put(branch, cost, None)

    def _branch_off(self, depth: int, point: ChoicePoint) -> None:
        cost = self._cost
        key: Key | None = None
        if point.kind == "schedule" and point.preemptive and self.reduce:
            key = key_of(point.options[0].operation)
        for option in range(len(point.options) - 1, 0, -1):
            taken = point.preemptive and point.options[option].task is not point.current
            self._offers.append((depth, option, cost + taken, key if taken else None))

    def _put(self, branch: Branch, cost: int, key: Key | None) -> None:
        if key is not None and key not in self._racing:
            self._parked[key].append((branch, cost))
        elif cost > self.preemptions:
            self.cut = True
        else:
            self._buckets[cost].append(branch)

    def _take(self) -> Branch | None:
        for bucket in self._buckets:
            if bucket:
                return bucket.pop()
        if not self.cut:
            self.bounds = ""  # the bound was never met: this was everything
        return None
