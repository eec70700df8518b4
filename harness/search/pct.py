"""Probabilistic concurrency testing: random priorities, changed at a few random places.

After Burckhardt, Kothari, Musuvathi, Nagarakatte: "A Randomized Scheduler with Probabilistic Guarantees of Finding
Bugs", ASPLOS 2010. A bug of *depth* d shows itself as soon as d pairs of steps come in the right order. For a program
of n tasks and k choices each execution finds it with a probability of at least 1 / (n * k^(d-1)).

How the paper's model fits:
* Only choices with more than one option are counted (section 4.1 of the paper). A change point that comes up demotes
  the task that would go next, and then the choice is made, and counted, again: so two tasks can be demoted one after
  the other without a step between.
* A timed wait that may expire early is a step of its timer, and a timer is a task of its own, with its own priority.
* Data choices have no order; each option is as likely as the next.
"""

from __future__ import annotations

from ..runtime import ChoicePoint, Execution
from ..trace import GO
from .sampling import Sampling

DEFAULT_DEPTH = 3

Actor = tuple[str, bool]
"""The key of a task, and whether it is the task's timer."""


class Pct(Sampling):
    """Random priorities and ``depth - 1`` priority change points.

    Args:
        executions: how many to run.
        seed: the same seed runs the same schedules.
        accepted: whether the caller takes that many samples for an answer.
        depth: of the bugs that the guarantee is for.

    Attributes:
        tasks: n: the most tasks and timers of one execution so far.
        choices: k: the most choices with more than one option so far, ``depth - 1`` changes included. Both are
            measured: the guarantee holds from the first execution on that makes no new record.
    """

    def __init__(
        self, executions: int = 1000, seed: int = 0, accepted: bool = False, depth: int = DEFAULT_DEPTH
    ) -> None:
        super().__init__(executions, seed, accepted)
        self.depth = depth
        self.tasks = 0
        self.choices = 0
        self._priorities: dict[Actor, float] = {}
        self._changes: dict[int, int] = {}  # those still to come
        self._drawn = 0
        self._choice = 0

    @property
    def probability(self) -> float:
        """The least with which one more execution finds a bug of this depth; 0 before the first has run."""
        return 1 / (self.tasks * self.choices ** (self.depth - 1)) if self.choices else 0.0

    def start(self) -> bool:
        """Draw the change points of the next execution from as many choices as were seen so far."""
        if not super().start():
            return False
        self._priorities = {}
        self._changes = self._draw_changes()
        self._drawn = len(self._changes)
        self._choice = 0
        return True

    def choose(self, point: ChoicePoint) -> int:
        """The option of the highest priority, once the changes that are due have been made."""
        options = point.options
        if point.kind != "schedule":
            return self.any_of(len(options))
        actors = [(option.task.key, option.outcome is not GO) for option in options]
        priorities = self._priorities
        for actor in actors:
            if actor not in priorities:
                priorities[actor] = self._random.random()
        best = max(actors, key=priorities.__getitem__)
        if len(set(actors)) > 1:
            self._choice += 1
            while (priority := self._changes.pop(self._choice, 0)) < 0:
                priorities[best] = priority
                best = max(actors, key=priorities.__getitem__)
                self._choice += 1
        same = [index for index, actor in enumerate(actors) if actor == best]  # an expiry may come in two ways
        return same[0] if len(same) == 1 else same[self.any_of(len(same))]

    def finish(self, execution: Execution) -> None:
        """Measure n and k."""
        self.tasks = max(self.tasks, len(self._priorities))
        made = self._drawn - len(self._changes)
        self.choices = max(self.choices, self._choice - made + self.depth - 1)

    def _draw_changes(self) -> dict[int, int]:
        """Choice -> the priority that who would go next there is given: -1 for the first change, -2 for the second."""
        places = list(range(1, self.choices + 1))
        changes: dict[int, int] = {}
        for n in range(min(self.depth - 1, len(places))):
            changes[places.pop(self.any_of(len(places)))] = -1 - n
        return changes

    def _what(self) -> str:
        measured = f", {self.tasks} tasks and {self.choices} choices seen" if self.choices else ""
        return f"{self.run} schedules by pct (depth {self.depth}{measured})"
