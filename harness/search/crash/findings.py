"""From a situation that recovery does not cope with to a token that shows it again, and to what people want to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...disk.models import model_named
from ...disk.state import State
from ...errors import NondeterminismError, UsageError
from ...runtime import Execution
from ...trace import Failure
from ..explore import Finding
from ..replay import Deviation, Replay, deviations
from ..strategy import Strategy
from ..token import Stop, Token, fingerprint
from .cuts import Cut, Names, Trace, order_of, trace_of
from .scene import Guided, Recording, Until
from .search import CrashSearch, Found, Marks, Situation, marks_in, memory_at, run_recovery, states_at


@dataclass
class Stage:
    """A run that ends in a crash.

    Attributes:
        execution: up to the crash, with call sites.
        stop: where, and what was found.
        memory: the files as the process saw them.
        state: the files as they were found.
        marks: what was seen outside until then.
    """

    execution: Execution
    stop: Stop
    memory: State
    state: State
    marks: Marks


@dataclass
class CrashFinding(Finding):
    """A failure of recovery. Its ``execution`` is the recovery; its ``schedule`` that of the program.

    Attributes:
        stages: what came before: the program, and recoveries that crashed too.
    """

    stages: list[Stage] = field(default_factory=list)

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The crashes of its token."""
        return tuple(stage.stop for stage in self.stages)


def token_of(finding: CrashFinding, implementation: str, scenario: str, timeouts: int, faults: int) -> Token:
    """The token that shows it again."""
    print_ = fingerprint([step for stage in finding.stages for step in stage.execution.steps])
    return Token(implementation, scenario, finding.schedule, timeouts, print_, faults, finding.stops)


def confirm(search: CrashSearch, found: Found, failure: Failure, default: Strategy) -> CrashFinding:
    """Show a failure again, stopping as early as the same can be found.

    Raises:
        NondeterminismError: it is not there any more.
    """
    chain: list[Found] = []
    at: Found | None = found
    while at is not None:
        chain.insert(0, at)
        at = at.start
    stages = [_stage(search, one) for one in chain]
    execution = run_recovery(search, found.situation, found.crashes, default, detailed=True)
    seen = next((f for f in execution.failures if f.cause == failure.cause), None)
    if seen is None:
        raise NondeterminismError(
            f"recovery did not fail again from what it had failed on: {failure.error}. Usual causes: the order of a "
            "set, id() or hash(), the clock, random numbers, state in memory that outlived the crash"
        )
    schedule = stages[0].stop.schedule
    stages[0].stop = _without_schedule(stages[0].stop)
    return CrashFinding(seen, found.execution or chain[0].execution, schedule, execution, stages)


def _without_schedule(stop: Stop) -> Stop:
    return Stop(stop.steps, stop.model, stop.digest, stop.missing)


def _stage(search: CrashSearch, found: Found) -> Stage:
    """Run to a crash: those steps only that it takes, and no more than it takes."""
    order, missing = order_of(found.trace, found.cut)
    turns = [found.trace.turns[step] for step in order]
    data = [found.trace.data.get(step, ()) for step in order]
    start = None if found.start is None else found.start.situation
    _, trace = _run(search, start, found.crashes - 1, Guided(turns, data))
    steps, cut = _earliest(search, found, trace, len(order), missing)
    partly = tuple(missing) if steps == len(order) else ()
    execution, trace = _run(search, start, found.crashes - 1, Guided(turns[:steps], data[:steps]), detailed=True)
    stop = Stop(steps, found.model.name, found.state.digest, partly, deviations(execution.log, execution.widths))
    return _at(search, execution, stop, trace, cut, found.situation)


def _at(search: CrashSearch, execution: Execution, stop: Stop, trace: Trace, cut: Cut, situation: Situation) -> Stage:
    return Stage(execution, stop, memory_at(trace, cut, search.scene.journal.initial), *situation)


def _run(
    search: CrashSearch, start: Situation | None, crashes: int, chooser: Strategy, detailed: bool = False
) -> tuple[Execution, Trace]:
    """Run the program, or recovery from a situation after so many crashes."""
    recording = Recording(chooser)
    if start is None:
        search.begin_program()
        recording.start()
        execution = search.runner.run(recording, detailed=detailed)
    else:
        execution = run_recovery(search, start, crashes, recording, detailed)
    return execution, trace_of(execution, search.scene.journal, recording.data, Names())


def _earliest(
    search: CrashSearch, found: Found, trace: Trace, most: int, missing: Sequence[tuple[str, int]]
) -> tuple[int, Cut]:
    """The fewest steps after which the same may be found."""
    before = found.start.marks if found.start is not None else ()
    initial = search.scene.journal.initial
    for steps in range(most + 1):
        cut = trace.after_steps(steps)
        if steps == most:
            cut = _less(trace, cut, missing)
        if before + marks_in(trace, cut) != found.marks:
            continue
        if found.state in states_at(trace, cut, found.model, initial).states:
            return steps, cut
    raise NondeterminismError("what was found after a crash is not found when the same steps run again")


def _less(trace: Trace, cut: Cut, missing: Sequence[tuple[str, int]]) -> Cut:
    """The cut without the last changes of these tasks."""
    left = dict(missing)
    return tuple(max(0, done - left.get(task, 0)) for task, done in zip(trace.tasks, cut))


def replayed(search: CrashSearch, token: Token, default: Strategy) -> CrashFinding | None:
    """Run to the crashes of a token again, and recover; None where recovery copes.

    Raises:
        NondeterminismError: the token does not fit any more.
        UsageError: it names a disk model that is not known here.
    """
    stages: list[Stage] = []
    situation: Situation | None = None
    for number, stop in enumerate(token.stops):
        schedule: tuple[Deviation, ...] = stop.schedule if number else token.schedule
        chooser = Replay(schedule)
        execution, trace = _run(search, situation, number, Until(chooser, stop.steps), detailed=True)
        if chooser.unused or len(execution.steps) != stop.steps:
            raise _unfit(f"it stops after {stop.steps} steps; there were {len(execution.steps)}")
        cut = _less(trace, trace.after_steps(stop.steps), stop.missing)
        states = states_at(trace, cut, model_named(stop.model), search.scene.journal.initial).states
        state = next((s for s in states if s.digest == stop.digest), None)
        if state is None:
            raise _unfit(f"none of the {len(states)} states that may be found is the one recorded")
        before: Marks = situation[1] if situation is not None else ()
        situation = (state, before + marks_in(trace, cut))
        stages.append(_at(search, execution, stop, trace, cut, situation))
    if situation is None:
        raise UsageError("the token has no crash in it; replay it without recover=")
    if fingerprint([step for stage in stages for step in stage.execution.steps]) != token.fingerprint:
        raise _unfit("its schedule runs, but what happens is not what was recorded")
    execution = run_recovery(search, situation, len(stages), default, detailed=True)
    if not execution.failures:
        return None
    return CrashFinding(execution.failures[0], 1, token.schedule, execution, stages)


def _unfit(why: str) -> NondeterminismError:
    return NondeterminismError(
        f"the token does not fit any more: {why}. Usual causes: the program, loadloom or a library changed since, what "
        "lies below the root at the start is not the same, or the order of a set, id(), the clock or random numbers "
        "steer it"
    )
