"""What an execution starts from when a crash is searched: files on disk, what was seen outside, and a journal."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence

from ...disk.journal import Journal
from ...disk.real import difference, read_tree, write_tree
from ...disk.state import State
from ...errors import UsageError
from ...probes import Patches, anywhere, chance, marks
from ...probes.anywhere import Anywhere
from ...probes.paths import Breaker
from ...runtime import ChoicePoint, Execution, control
from ..strategy import Strategy, differs


class Scene:
    """The files below a root, laid down afresh for each execution and journaled. A context manager.

    Args:
        root: an existing directory. What is in it is what each execution starts from, and is put back at the end.
        breaker: what may make operations on files fail.

    Attributes:
        initial: what was there.
        state: what the next execution starts from.
        marks: what was seen outside before it.
        journal: of the last execution.
        past: how the last execution went past its journal; empty where it did not.

    Raises:
        UsageError: it is no directory, or one that nobody would want to be emptied.
    """

    def __init__(self, root: str | os.PathLike[str], breaker: Breaker | None = None) -> None:
        place = os.path.realpath(os.fspath(root))
        if not os.path.isdir(place):
            raise UsageError(f"root={os.fspath(root)!r}: no such directory; make it first")
        for precious in (os.getcwd(), os.path.expanduser("~")):
            if os.path.commonpath([place, os.path.realpath(precious)]) == place:
                raise UsageError(f"root={place!r}: {precious} is in it; each execution empties it, so give it its own")
        self.box = Anywhere(place)
        self.box.breaker = breaker
        self.initial = read_tree(place)
        self.chance = chance.Chance()
        self.state = self.initial
        self.marks: tuple[Hashable, ...] = ()
        self.journal = Journal(self.initial)
        self.past = ""

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        marks.listen(None, ())
        self.box.journal = None
        write_tree(self.initial, self.box.root)

    def install(self, patches: Patches) -> None:
        """Make operations on files steps, and what chance names the same in every run."""
        chance.install(patches, self.chance)
        anywhere.install(patches, self.box)

    def begin(self, state: State, seen: tuple[Hashable, ...], generation: int) -> None:
        """The next executions start from this."""
        self.state, self.marks, self.chance.generation = state, seen, generation

    def before(self) -> None:
        """Lay it down."""
        self.box.journal = None
        self.box.begin()
        write_tree(self.state, self.box.root)
        self.journal = Journal(self.state, _step_now)
        self.box.journal = self.journal
        marks.listen(self.journal.mark, self.marks)

    def after(self, execution: Execution) -> None:
        """See whether anything was done past the journal."""
        self.box.end(execution)
        self.past = difference(self.journal.state(), read_tree(self.box.root))
        if self.past:
            execution.uncontrolled.append(
                f"files below the root were changed past our sight (a memory map, a C library, another process): "
                f"{self.past}"
            )


def _step_now() -> int:
    execution = control.exploring()
    return len(execution.steps) - 1 if execution is not None else -1


class Recording:
    """A strategy that keeps which data choices were made in which step."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.complete, self.bounds, self.budget_met = False, strategy.bounds, False
        self.data: dict[int, list[int]] = {}

    def start(self) -> bool:
        """Get ready for one more."""
        self.data = {}
        more = self._strategy.start()
        self._look()
        return more

    def _look(self) -> None:
        self.complete, self.bounds = self._strategy.complete, self._strategy.bounds
        self.budget_met = bool(getattr(self._strategy, "budget_met", False))

    def choose(self, point: ChoicePoint) -> int:
        """As the strategy chooses."""
        index = self._strategy.choose(point)
        if point.kind != "schedule":
            self.data.setdefault(len(point.execution.steps) - 1, []).append(index)
        return index

    def finish(self, execution: Execution) -> None:
        """It has ended."""
        self._strategy.finish(execution)
        self._look()


class Guided:
    """Runs given steps, makes given data choices, and then stops: the machine does.

    Raises (from `choose`):
        NondeterminismError: a step cannot come.
    """

    complete = True
    bounds = "one schedule"

    def __init__(self, turns: Sequence[tuple[str, str]], data: Sequence[Sequence[int]]) -> None:
        self._turns = turns
        self._data = [list(choices) for choices in data]

    def start(self) -> bool:
        """Always."""
        return True

    def finish(self, execution: Execution) -> None:
        """Nothing to learn."""

    def choose(self, point: ChoicePoint) -> int:
        """The next step; -1 after the last."""
        done = len(point.execution.steps)
        if point.kind != "schedule":
            rest = self._data[done - 1]
            return rest.pop(0) if rest else 0
        if done == len(self._turns):
            return -1
        for index, option in enumerate(point.options):
            if (option.task.key, option.outcome) == self._turns[done]:
                return index
        raise differs(done, f"task {self._turns[done][0]} cannot go on now")


class Until:
    """A chooser that stops after so many steps: the machine does."""

    complete = True
    bounds = "one schedule"

    def __init__(self, chooser: Strategy, steps: int) -> None:
        self._chooser = chooser
        self._steps = steps

    def start(self) -> bool:
        """As the chooser."""
        return self._chooser.start()

    def finish(self, execution: Execution) -> None:
        """Nothing to learn."""

    def choose(self, point: ChoicePoint) -> int:
        """As the chooser chooses; -1 after the last step."""
        if point.kind == "schedule" and len(point.execution.steps) == self._steps:
            return -1
        return self._chooser.choose(point)
