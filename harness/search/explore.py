"""Run a strategy to its end, collect what is broken, and say what may be claimed."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import BlockedError, NondeterminismError
from ..faults.budget import budget_of
from ..runtime import Execution
from ..trace import Failure
from ..verdict import Verdict
from .happens_before import interacts
from .replay import Deviation, Fixed, Replay, deviations
from .runner import Runner
from .shrink import shrink
from .strategy import Strategy


@dataclass
class Finding:
    """One failure with the schedule that shows it.

    Attributes:
        failure: what is broken.
        found_in: the number of the execution in which it was first seen, counting from 1.
        schedule: where the shrunk schedule leaves the default one.
        execution: its replay, with call sites.
    """

    failure: Failure
    found_in: int
    schedule: tuple[Deviation, ...]
    execution: Execution


@dataclass
class Progress:
    """What a long search tells while it runs.

    Attributes:
        executions: how many have ended.
        findings: how many things are broken.
        seconds: since the search began.
        depth: steps of the latest execution.
        strategy: which chooses them.
    """

    executions: int
    findings: int
    seconds: float
    depth: int
    strategy: Strategy = field(repr=False)

    @property
    def done(self) -> float | None:
        """An estimate of the part of the tree that was run, from 0 to 1; None where the strategy cannot tell."""
        estimate = getattr(self.strategy, "done", None)
        return None if estimate is None else estimate()


@dataclass
class Exploration:
    """The outcome of a search.

    Attributes:
        executions: how many ran.
        cut: how many more were given up, because all that could follow had been seen.
        steps: how many steps they took in all.
        findings: what is broken, one for each cause, in the order found.
        complete: whether the strategy ran everything that it covers.
        bounds: what limits it, for people; empty where nothing does.
        reasons: why nothing may be claimed although nothing is broken.
        budget_met: whether some execution could have had one more early time-out than it may.
        faults_met: whether some execution could have had one more fault than it may.
        interacting: whether two tasks ever did dependent operations.
        reached: names of things that a caller wanted to see reached, see `Execution.notes`.
    """

    executions: int = 0
    cut: int = 0
    steps: int = 0
    findings: list[Finding] = field(default_factory=list)
    complete: bool = False
    bounds: str = ""
    reasons: list[str] = field(default_factory=list)
    interacting: bool = False
    budget_met: bool = False
    faults_met: bool = False
    seconds: float = 0.0

    def verdict(self, sequential: bool = False) -> Verdict:
        """What may be claimed of the program as a whole."""
        return Verdict.BROKEN if self.findings else self.clean(sequential)

    def clean(self, sequential: bool = False) -> Verdict:
        """What may be claimed of something that was not seen broken."""
        if self.reasons or not self.complete:
            return Verdict.INCONCLUSIVE
        if not self.interacting and not sequential:
            return Verdict.VACUOUS
        return Verdict.BOUNDED if self.bounds else Verdict.PROVED

    def because(self, reason: str) -> None:
        """Keep a reason for INCONCLUSIVE, once."""
        if reason not in self.reasons:
            self.reasons.append(reason)


def explore(
    runner: Runner,
    strategy: Strategy,
    *,
    max_executions: int | None = None,
    time_budget: float | None = None,
    stop_at_first: bool = False,
    settle: int | None = None,
    confirm: bool = True,
    visit: Callable[[Execution], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Exploration:
    """Run executions until the strategy has no more, a budget runs out, or the first failure if that is enough.

    Args:
        runner: the program with its probes in place.
        strategy: which schedules.
        max_executions: how many at most; None: no limit.
        time_budget: seconds after which no new execution is started; None: no limit.
        stop_at_first: end at the first failure.
        settle: once something is broken, executions without a new finding after which to end; None: never.
        confirm: run a failing schedule again and shrink it; without it failures are not turned into findings.
        visit: called with each execution that ended.
        progress: called after each execution, with how far it is.

    Raises:
        KeyboardInterrupt: the user stopped it.
    """
    outcome = Exploration()
    causes: set[tuple[str, str, str]] = set()
    latest = 0  # the execution that showed something new last
    began = time.perf_counter()
    try:
        while True:
            spent = time.perf_counter() - began
            over = _over_budget(outcome.executions, spent, max_executions, time_budget)
            if not strategy.start():
                break
            if over:
                outcome.because(over)
                break
            execution = runner.run(strategy)
            strategy.finish(execution)
            if execution.ending == "cut":
                outcome.cut += 1
            else:
                outcome.executions += 1
            outcome.steps += len(execution.steps)
            _take_note(outcome, execution)
            if visit is not None:
                visit(execution)
            for failure in execution.failures if confirm else ():
                if failure.cause not in causes:
                    causes.add(failure.cause)
                    _confirm(outcome, runner, execution, failure)
                    latest = outcome.executions
            if progress is not None:
                progress(Progress(outcome.executions, len(outcome.findings), spent, len(execution.steps), strategy))
            if stop_at_first and outcome.findings:
                break
            if settle is not None and _settled(outcome, latest, settle):
                outcome.because(f"stopped {settle} executions after the last of {len(outcome.findings)} findings")
                break
    except (BlockedError, NondeterminismError) as error:
        outcome.because(str(error))
    outcome.complete = strategy.complete and not outcome.reasons
    bounds = (strategy.bounds, _timeouts(outcome, runner, strategy), _faults(outcome, runner))
    outcome.bounds = ", ".join(filter(None, bounds))
    if not strategy.complete and not outcome.reasons and not outcome.findings:
        outcome.because(strategy.bounds or "the search did not end")
    outcome.seconds = time.perf_counter() - began
    return outcome


def _timeouts(outcome: Exploration, runner: Runner, strategy: Strategy) -> str:
    """The bound on early time-outs, where it left something out."""
    if not outcome.budget_met and not getattr(strategy, "budget_met", False):
        return ""
    n = runner.timeouts
    return f"at most {n} early time-out{'' if n == 1 else 's'} in an execution"


def _faults(outcome: Exploration, runner: Runner) -> str:
    """The bound on faults, where it left something out."""
    n = runner.faults
    return f"at most {n} fault{'' if n == 1 else 's'} in an execution" if outcome.faults_met else ""


def _settled(outcome: Exploration, latest: int, settle: int) -> bool:
    """Whether nothing new has come for long, although something is broken."""
    return bool(outcome.findings) and outcome.executions - latest >= settle


def _over_budget(executions: int, spent: float, most: int | None, seconds: float | None) -> str:
    if most is not None and executions >= most:
        return f"stopped after {executions} executions (max_executions={most})"
    if seconds is not None and spent >= seconds:
        return f"stopped after {seconds:g} s (time_budget)"
    return ""


def _take_note(outcome: Exploration, execution: Execution) -> None:
    if not outcome.interacting and interacts(execution.steps):
        outcome.interacting = True
    outcome.budget_met |= execution.budget_met
    budget = budget_of(execution)
    outcome.faults_met |= budget is not None and budget.met
    if execution.ending == "step limit":
        outcome.because(f"an execution was given up after {len(execution.steps)} steps")
    for what in execution.uncontrolled:
        outcome.because(f"outside our control: {what}")


def _confirm(outcome: Exploration, runner: Runner, execution: Execution, failure: Failure) -> None:
    """Run the failing schedule again before it is reported, then make it smaller."""
    again = runner.run(Fixed(execution.log))
    if _seen_at(again, failure) is None:
        raise NondeterminismError(
            f"the failure was not there when the same schedule ran again: {failure.error}. "
            "Usual causes: the order of a set, id() or hash(), the clock, random numbers, state left by the execution "
            "before"
        )
    schedule = shrink(runner, deviations(execution.log, execution.widths), lambda run: _seen_at(run, failure))
    detailed = runner.run(Replay(schedule), detailed=True)
    found = next(f for f in detailed.failures if _same(f, failure))
    outcome.findings.append(Finding(found, outcome.executions, schedule, detailed))


def _seen_at(execution: Execution, failure: Failure) -> int | None:
    """The step at which a failure is seen; the number of steps where all of the execution is to blame."""
    found = next((f for f in execution.failures if _same(f, failure)), None)
    if found is None:
        return None
    steps = len(execution.steps)
    return steps if found.kind in ("deadlock", "livelock") or not 0 <= found.step < steps else found.step


def _same(failure: Failure, other: Failure) -> bool:
    """Same rule, or exception type and place, or who waits for what held by whom."""
    return failure.cause == other.cause and _raised_at(failure) == _raised_at(other)


def _raised_at(failure: Failure) -> tuple[str, int] | None:
    """The innermost line that is not ours."""
    found = None
    if failure.exception is not None:
        for frame, line in traceback.walk_tb(failure.exception.__traceback__):
            if "/harness/" not in frame.f_code.co_filename:
                found = (frame.f_code.co_filename, line)
    return found
