"""Crash a program at every cut of every trace, and recover once from each state that may be found.

Costs are added, not multiplied: what may be found at a cut follows from the journal, without running again, and a state
that was seen before is not recovered from again, whichever trace, model or crash led to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from ...disk.crash import ALICE, CrashStates, crash_states
from ...disk.disk import Disk
from ...disk.journal import Journal, Mark, effects_of
from ...disk.models import Model
from ...disk.state import State, canonical
from ...disk.table import Table
from ...runtime import Execution
from ...trace import Failure
from ..runner import Runner
from ..strategy import Strategy
from .cuts import Cut, Names, Trace, crash_points, every_cut, trace_of
from .scene import Recording, Scene

Marks = tuple[Hashable, ...]
Situation = tuple[State, Marks]
"""What a restart finds: the files, and what was seen outside."""


@dataclass(frozen=True, eq=False)
class Found:
    """A situation, and how a program came to it.

    Attributes:
        state: of the files.
        marks: what was seen outside.
        model: the strictest one under which it is found.
        trace: of the execution that crashed.
        cut: where.
        start: what that execution had found itself; None for the program's.
        crashes: how many came before.
        execution: the number of the execution, for people.
    """

    state: State
    marks: Marks
    model: Model
    trace: Trace
    cut: Cut
    start: Found | None
    crashes: int
    execution: int = 0

    @property
    def situation(self) -> Situation:
        """What a restart finds."""
        return self.state, self.marks


@dataclass
class CrashCounts:
    """What a crash search looked at.

    Attributes:
        models: names of the disk models.
        traces: executions whose cuts were taken.
        points: different cuts at which the machine was stopped.
        states: different situations found.
        recoveries: how often recovery ran: once for each situation.
        bounded: cuts at which the ALICE bound was taken for some model.
        crashes: the most crashes, one after another, that were tried.
        beyond: situations that one more crash would have led to, and none of the others did.
        outcomes: what the files and marks were after recovery; kept where a caller asks for it.
    """

    models: tuple[str, ...]
    traces: int = 0
    points: int = 0
    states: int = 0
    recoveries: int = 0
    bounded: int = 0
    crashes: int = 1
    beyond: int = 0
    outcomes: set[Situation] = field(default_factory=set, repr=False)

    @property
    def how(self) -> str:
        """``full``, or how often the bound was taken."""
        return f"{ALICE} at {self.bounded} crash points" if self.bounded else "full"

    @property
    def bounds(self) -> str:
        """What limits a claim, for people; empty where nothing does."""
        parts = []
        if self.beyond:
            more = self.crashes - 1
            parts.append(f"at most {more} crash{'' if more == 1 else 'es'} in recovery")
        if self.bounded:
            parts.append(f"{ALICE} for the states of {self.bounded} crash points")
        return ", ".join(parts)

    def __str__(self) -> str:
        return (
            f"{self.traces} traces, {self.points} crash points, {self.states} distinct states, "
            f"{self.recoveries} recoveries ({', '.join(self.models)}; {self.how})"
        )


class CrashSearch:
    """Crashes executions as they come, and recovers.

    Args:
        runner: runs the program, with the scene's probes and hooks in place.
        scene: what executions start from.
        recover: run after a crash, under control, on its default schedule. What it raises is a finding.
        models: of the disk, the strictest first.
        crashes_in_recovery: how many more crashes.
        default: makes the strategy of a recovery.
        keep_outcomes: keep what is there after each recovery.
    """

    def __init__(
        self,
        runner: Runner,
        scene: Scene,
        recover: Callable[[], object],
        models: Sequence[Model],
        crashes_in_recovery: int,
        default: Callable[[], Strategy],
        keep_outcomes: bool = False,
    ) -> None:
        self.runner = runner
        self.scene = scene
        self.models = tuple(models)
        self.counts = CrashCounts(tuple(m.name for m in models), crashes=1 + crashes_in_recovery)
        self.broken: dict[tuple[str, str, str], tuple[Found, Failure]] = {}
        self.uncontrolled: list[str] = []
        self._program, self.recover = runner.program, recover
        self._faults = runner.faults
        self._default = default
        self._keep = keep_outcomes
        self._names = Names()
        self._cuts: set[object] = set()
        self._recovered: dict[Situation, int] = {}  # after how many crashes
        self._next: dict[Situation, list[Found]] = {}  # what a crash in the recovery of a situation leads to
        self._queue: deque[Found] = deque()
        self._beyond: set[Situation] = set()

    # -- what happens ----------------------------------------------------------------------------------------

    def visit(self, execution: Execution, recording: Recording) -> None:
        """An execution of the program has ended: crash it wherever it was not crashed before, and recover."""
        self.counts.traces += 1
        trace = trace_of(execution, self.scene.journal, recording.data, self._names)
        initial = self.scene.journal.initial
        for found in self._crash(trace, initial, (), None, self.counts.traces):
            self._meet(found)
        self.recover_all()

    def recover_all(self) -> None:
        """Recover from what waits, those after fewer crashes first."""
        while self._queue:
            self._recover_from(self._queue.popleft())
        self.begin_program()

    def begin_program(self) -> None:
        """What runs next is the program, from the start."""
        self.scene.begin(self.scene.initial, (), 0)
        self.runner.program, self.runner.faults = self._program, self._faults

    def finish(self) -> CrashCounts:
        """Count what was left out."""
        self.counts.beyond = sum(1 for situation in self._beyond if situation not in self._recovered)
        return self.counts

    # -- crashing --------------------------------------------------------------------------------------------

    def _crash(
        self, trace: Trace, initial: Table, before: Marks, start: Found | None, execution: int
    ) -> Iterator[Found]:
        """All that may be found after a crash of some order of a trace."""
        crashes = 1 if start is None else start.crashes + 1
        origin = None if start is None else start.situation
        for process in (True, False):
            models = [m for m in self.models if m.process == process]
            if not models:
                continue
            for cut in every_cut(trace) if process else crash_points(trace):
                name = (process, origin, trace.name(cut))
                if name in self._cuts:
                    continue
                self._cuts.add(name)
                self.counts.points += 1
                seen = before + marks_in(trace, cut)
                bounded = False
                for model in models:
                    found = states_at(trace, cut, model, initial)
                    bounded |= found.how == ALICE
                    for state in found.states:
                        yield Found(state, seen, model, trace, cut, start, crashes, execution)
                self.counts.bounded += bounded

    def _meet(self, found: Found) -> None:
        """Queue a situation unless it was recovered from, after no more crashes than now."""
        known = self._recovered.get(found.situation)
        if known is None and found.crashes <= self.counts.crashes:
            self._recovered[found.situation] = found.crashes
            self.counts.states += 1
            self._queue.append(found)
        elif known is None:
            self._beyond.add(found.situation)
        elif found.crashes < known:
            self._recovered[found.situation] = found.crashes
            for later in self._next.pop(found.situation, ()):
                self._meet(_sooner(later, found))

    # -- recovering ------------------------------------------------------------------------------------------

    def _recover_from(self, found: Found) -> None:
        recording = Recording(self._default())
        execution = run_recovery(self, found.situation, found.crashes, recording)
        self.counts.recoveries += 1
        for what in execution.uncontrolled:
            if what not in self.uncontrolled:
                self.uncontrolled.append(what)
        if execution.ending == "step limit":
            self.uncontrolled.append(f"a recovery was given up after {len(execution.steps)} steps")
        for failure in execution.failures:
            self.broken.setdefault(failure.cause, (found, failure))
        journal = self.scene.journal
        trace = trace_of(execution, journal, recording.data, self._names)
        if self._keep and not execution.failures:
            self.counts.outcomes.add((journal.state(), found.marks + all_marks(journal)))
        later = list(self._crash(trace, journal.initial, found.marks, found, 0))
        if found.crashes > 1:  # a later trace may lead here with fewer crashes
            self._next[found.situation] = later
        for one in later:
            self._meet(one)


def _sooner(found: Found, start: Found) -> Found:
    """The same, after a start that took fewer crashes."""
    return Found(found.state, found.marks, found.model, found.trace, found.cut, start, start.crashes + 1)


def run_recovery(
    search: CrashSearch, situation: Situation, crashes: int, strategy: Strategy, detailed: bool = False
) -> Execution:
    """Run recovery once from a situation, after so many crashes."""
    search.scene.begin(*situation, crashes)
    search.runner.program, search.runner.faults = search.recover, 0
    strategy.start()
    return search.runner.run(strategy, detailed=detailed)


# -- what is there at a cut ----------------------------------------------------------------------------------


def marks_in(trace: Trace, cut: Cut) -> Marks:
    """What was seen outside: each task's in order, tasks by path."""
    return tuple(
        element.entry.event
        for task, done in enumerate(cut)
        for element in trace.elements[task][:done]
        if isinstance(element.entry, Mark)
    )


def all_marks(journal: Journal) -> Marks:
    """What was seen outside in a whole execution, in order."""
    return tuple(entry.event for entry in journal.entries if isinstance(entry, Mark))


def disk_at(trace: Trace, cut: Cut, model: Model, initial: Table) -> Disk:
    """The disk at a cut: what comes before what is what does so in every order of the trace."""
    disk = Disk(model, initial)
    alone = sum(1 for done in cut if done) < 2
    numbers: list[list[int]] = [[] for _ in cut]
    for number, element in enumerate(trace.members(cut)):
        if alone:
            disk.apply(element.entry)
        else:
            disk.apply(element.entry, {n for mine, have in zip(numbers, element.need) for n in mine[:have]})
        numbers[element.task].append(number)
    return disk


def states_at(trace: Trace, cut: Cut, model: Model, initial: Table) -> CrashStates:
    """The states that may be found after a crash at a cut."""
    if not model.process:
        return crash_states(disk_at(trace, cut, model, initial))
    return CrashStates((memory_at(trace, cut, initial),))


def memory_at(trace: Trace, cut: Cut, initial: Table) -> State:
    """The files as a process sees them at a cut."""
    table = dict(initial)
    for element in trace.members(cut):
        for effect in effects_of(element.entry):
            effect.apply(table)
    return canonical(table)
