"""Selectively uniform random walk: every interleaving of the *interesting* steps is as likely as the next.

After Zhao, Wolff, Mathur, Roychoudhury: "Selectively Uniform Concurrency Testing", ASPLOS 2025. A plain random walk is
uniform over choices, not over interleavings: it hardly ever lets one task run far ahead. This walk first decides which
task is to do the next interesting step, in proportion to how many each has still to do, those of the tasks that it
will start included, and holds the others where they are about to do one. All other steps come in any order.

What is interesting: in each execution one resource is drawn from all those that two tasks were seen to access in ways
that conflict; the steps that touch it are. How many each task does is measured in the first execution in which the
resource is seen so. Where these counts are right and none of these steps waits for another, the walk is uniform;
where not, it is a random walk with a bias, and can still reach every schedule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..runtime import ChoicePoint, Execution, Option
from ..runtime.task import Task
from ..trace import BOOKKEEPING, GO, Operation, conflicting
from .sampling import Sampling

Counts = dict[str, int]
"""Task -> how many interesting steps it does, those of the tasks that it starts included."""


class Surw(Sampling):
    """A random walk that is uniform over the interleavings of the accesses to one resource, drawn anew each time.

    Attributes:
        resources: what may be drawn, with the counts of each. Empty before the first execution has been measured,
            which is a plain random walk.
        resource: the one of the present execution; empty where there is none.
    """

    def __init__(self, executions: int = 1000, seed: int = 0, accepted: bool = False) -> None:
        super().__init__(executions, seed, accepted)
        self.resources: dict[str, Counts] = {}
        self.resource = ""
        self._left: Counts = {}
        self._intended: str | None = None
        self._held: set[str] = set()

    def start(self) -> bool:
        """Draw the resource of the next execution."""
        if not super().start():
            return False
        names = sorted(self.resources)
        self.resource = names[self.any_of(len(names))] if names else ""
        self._left = {}
        self._intended = None
        self._held = set()
        return True

    def choose(self, point: ChoicePoint) -> int:
        """Any option that is not held back."""
        options = point.options
        if point.kind != "schedule" or not self.resource:
            return self.any_of(len(options))
        self._meet(options)
        while True:
            free = [index for index, option in enumerate(options) if option.task.key not in self._held]
            if self._held and not any(options[index].outcome is GO for index in free):
                self._release()  # the one that is waited for cannot come: it waits itself, or has ended
                continue
            index = free[self.any_of(len(free))]
            if not self._interesting(options[index]):
                return index
            task = options[index].task.key
            if self._intended is None:
                self._intended = self._draw(options)
            if task == self._intended:
                self._left[task] -= 1
                self._release()
                return index
            self._held.add(task)

    def finish(self, execution: Execution) -> None:
        """Measure the resources that were not known to be shared."""
        for name, counts in _shared(execution.steps).items():
            if name not in self.resources:
                self.resources[name] = _with_children(counts, execution.tasks)

    def _meet(self, options: Sequence[Option]) -> None:
        """Give a new task its share of what its parent was counted for, and its chance to be the intended one."""
        counts = self.resources[self.resource]
        for option in sorted(options, key=lambda o: o.task.path):
            task = option.task.key
            if task in self._left:
                continue
            share = self._left[task] = counts.get(task, 0)
            if not option.task.path:
                continue
            parent = _parent(option.task)
            before = self._left.get(parent, 0)
            self._left[parent] = max(before - share, 0)
            if parent == self._intended and self.any_of(max(before, 1)) < share:
                self._intended = task

    def _interesting(self, option: Option) -> bool:
        return option.outcome is GO and any(name == self.resource for name, _ in option.operation.accesses)

    def _draw(self, options: Sequence[Option]) -> str:
        """Who does the next interesting step: any task that can go on, in proportion to what it has left to do."""
        left = self._left
        able = [option for option in options if option.outcome is GO]
        for option in able:
            if self._interesting(option):  # it has one, whatever was counted
                left[option.task.key] = max(left[option.task.key], 1)
        at = self.any_of(sum(left[option.task.key] for option in able))
        for option in able:
            at -= left[option.task.key]
            if at < 0:
                return option.task.key
        raise AssertionError("somebody has a step left: else nobody would have been asked")

    def _release(self) -> None:
        self._intended = None
        self._held.clear()

    def _what(self) -> str:
        return f"{self.run} schedules by surw ({len(self.resources)} resources seen to be shared)"


def _shared(steps: Sequence[Operation]) -> dict[str, Counts]:
    """For each resource on which two tasks conflict: how many steps of each task touch it."""
    modes: dict[str, set[tuple[str, str]]] = defaultdict(set)
    counts: dict[str, Counts] = defaultdict(lambda: defaultdict(int))
    for step in steps:
        if step.outcome is not GO:
            continue
        task = step.task.key
        for name, mode in step.accesses:
            modes[name].add((task, mode))
        for name in {name: None for name, _ in step.accesses if not name.startswith(BOOKKEEPING)}:
            counts[name][task] += 1
    return {name: dict(counts[name]) for name in counts if _conflict(modes[name])}


def _conflict(seen: set[tuple[str, str]]) -> bool:
    return any(task != other and conflicting(mode, second) for task, mode in seen for other, second in seen)


def _parent(task: Task) -> str:
    return ".".join(map(str, task.path[:-1])) or "0"


def _with_children(counts: Counts, tasks: Sequence[Task]) -> Counts:
    """Each task's count with those of the tasks that it started, and that those did."""
    total = {task.key: counts.get(task.key, 0) for task in tasks}
    for task in sorted(tasks, key=lambda t: len(t.path), reverse=True):
        if task.path:
            total[_parent(task)] += total[task.key]
    return total
