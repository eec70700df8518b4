"""The few functions that users call: explore a program, replay a schedule."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from .crashing import check, explored, replay_crash, search_of
from .errors import NondeterminismError, UsageError
from .faults import FILE_FAULTS, FileFaults
from .probes import anywhere, chance, foreign
from .probes.anywhere import Anywhere
from .probes.root import Root, below_root
from .runtime import Execution
from .search import Replay
from .search.crash import CrashCounts, CrashFinding
from .search.crash import token_of as crash_token
from .search.explore import Exploration, Finding, Progress
from .search.explore import explore as run_search
from .search.named import make_strategy
from .search.runner import Runner
from .search.selfcheck import distrust
from .search.token import Token, fingerprint, parse
from .verdict import Verdict


class ExplorationFailed(AssertionError):
    """A program did not pass: it is BROKEN, or nothing can be claimed of it."""


@dataclass(frozen=True)
class ProgramFailure:
    """How a program fails.

    Attributes:
        kind: ``exception``, ``deadlock`` or ``livelock``.
        error: one line for people.
        token: the schedule; `replay` runs it again.
        finding: the failure with its execution.
        arguments: what `replay` must be given besides, as source code; empty where nothing.
    """

    kind: str
    error: str
    token: str
    finding: Finding = field(repr=False)
    arguments: str = ""

    def explain(self) -> str:
        """The failure for people: who did what when, and how to see it again."""
        from .report.crashes import explain_crash
        from .report.explain import explain_program

        return explain_crash(self) if isinstance(self.finding, CrashFinding) else explain_program(self)


@dataclass(frozen=True)
class Result:
    """What a search of a program's schedules says.

    Attributes:
        verdict: what may be claimed.
        executions: how many ran.
        bounds: what limits the claim, for people; empty where nothing does.
        reasons: why nothing can be claimed, where that is so.
        failure: the first failure found; None where there is none.
        exploration: everything else that is known of the search.
        crash: what was crashed; None where nothing was to be.
    """

    verdict: Verdict
    executions: int
    bounds: str
    reasons: tuple[str, ...]
    failure: ProgramFailure | None
    exploration: Exploration = field(repr=False)
    crash: CrashCounts | None = None

    @property
    def ok(self) -> bool:
        """Whether the verdict is PROVED or BOUNDED."""
        return self.verdict in (Verdict.PROVED, Verdict.BOUNDED)

    def raise_if_failed(self) -> None:
        """Do nothing if `ok`.

        Raises:
            ExplorationFailed: the program is broken, or nothing can be claimed of it.
        """
        if self.failure is not None:
            raise ExplorationFailed(self.failure.explain()) from self.failure.finding.failure.exception
        if not self.ok:
            raise ExplorationFailed(f"{self.verdict}: {'; '.join(self.reasons) or self._vacuous()}")

    def _vacuous(self) -> str:
        if self.crash is not None:
            return "nothing below the root was changed and nothing marked: no crash could make a difference"
        return "no two tasks did dependent operations: nothing to interleave; is the shared state instrumented?"


def name_of(program: Callable[[], object]) -> tuple[str, str]:
    """Module and qualified name of a program, as its tokens say."""
    module = getattr(program, "__module__", None) or "program"
    name = getattr(program, "__qualname__", None) or type(program).__qualname__
    return module, name.replace("/", "_")


def explore(
    program: Callable[[], object],
    *,
    strategy: str = "dpor",
    vehicle: str = "fiber",
    preemptions: int | None = None,
    timeouts: int = 1,
    max_executions: int | None = None,
    time_budget: float | None = None,
    seed: int = 0,
    depth: int | None = None,
    accept: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    instrument: Sequence[Any] = (),
    root: str | os.PathLike[str] | None = None,
    faults: int = 0,
    file_faults: Sequence[str] = tuple(FILE_FAULTS),
    signals: bool = False,
    recover: Callable[[], object] | None = None,
    crash: str = "power",
    disk_model: str = "",
    crashes_in_recovery: int = 1,
    pin: Collection[str] = (),
) -> Result:
    """Run a threaded program in every order that matters, and crash it at every point.

    Args:
        program: a callable without arguments. It makes its own state, starts ordinary threads or executors, joins
            them and asserts. It is called once for each execution.
        strategy: ``dpor`` (every trace, each once), ``bounded`` (schedules with at most ``preemptions`` preemptions),
            ``dfs`` (every schedule); or samples: ``random``, ``pct`` (finds a bug of ``depth`` with a known chance),
            ``surw`` (uniform over the interleavings of the accesses to one resource at a time).
        vehicle: what carries the tasks: ``fiber``, or ``thread`` for code that must own its OS thread. Steps, traces
            and tokens are the same.
        preemptions: the bound of ``bounded``; 2 by default. Given with ``dpor`` it makes that ``bounded``.
        timeouts: how often a timed wait may expire in an execution although something else could run.
        max_executions: how many at most; a search that is cut short is INCONCLUSIVE. How many samples; 1000 by default.
        time_budget: seconds after which no new execution starts.
        seed: of strategies that sample: the same seed, the same schedules.
        depth: of the bugs that ``pct`` looks for; 3 by default.
        accept: ``"sampled"``: so many samples without a failure are BOUNDED, not INCONCLUSIVE.
        progress: told after each execution.
        instrument: modules, classes, functions or dotted names of them: what their code reads and writes of shared
            state (attributes, items, containers, globals, captured variables) becomes steps.
        root: an empty directory; operations on files below it become steps, and it is emptied before each execution.
        faults: how many places may break in an execution: operations on files below ``root``, and those that the
            program marks with `fault_point`.
        file_faults: which kinds of fault file operations may have; by default all of `harness.FILE_FAULTS`.
        signals: whether one of the faults may be a SIGINT, or a SIGTERM that the program handles, to its main thread.
        recover: run after a crash, in place of the program, on what a crash at any point of any order may leave below
            ``root``. It repairs what it has to, and asserts; `marks` tells what was seen outside. What it raises is a
            failure. What is below ``root`` at the start is durable, what each execution starts from, and put back at
            the end.
        crash: ``power``: the machine stops, and what was not synced may be lost, reordered or torn; ``process``: only
            the process, and what it wrote is there.
        disk_model: what a power loss may leave: ``ext4`` by default, another of `docs/disk-model.md`, or ``all``.
        crashes_in_recovery: how many more crashes, of a recovery.
        pin: what is left to chance and is to be the same in every execution: ``"random"`` (the module, `secrets`,
            `os.urandom`; `uuid` and temporary names always are), ``"hash"`` (the order of sets: asks for a process that
            was started with a fixed PYTHONHASHSEED).

    Raises:
        UsageError: an argument makes no sense, or what is to be instrumented has no source.
    """
    chosen = make_strategy(
        strategy, preemptions=preemptions, depth=depth, max_executions=max_executions, seed=seed, accept=accept
    )
    doubt = distrust(vehicle)
    if recover is not None:
        _refuse_pins(pin)
        check(recover, root, crash, crashes_in_recovery)
        assert root is not None
        how = {"vehicle": vehicle, "timeouts": timeouts, "instrument": instrument, "faults": faults}
        with search_of(
            program, recover, root, file_faults, crash, disk_model, crashes_in_recovery, **how
        ) as search:
            exploration, counts = explored(
                search, chosen, max_executions=max_executions, time_budget=time_budget, progress=progress
            )
        arguments = _arguments(instrument, root, file_faults, recover)
        return _result(program, exploration, doubt, timeouts, faults, arguments, counts)
    with _runner(program, vehicle, timeouts, instrument, root, faults, file_faults, pin, signals) as runner:
        exploration = run_search(
            runner,
            chosen,
            max_executions=max_executions,
            time_budget=time_budget,
            stop_at_first=True,
            progress=progress,
        )
    arguments = _arguments(instrument, root, file_faults, pin=pin, signals=signals)
    return _result(program, exploration, doubt, timeouts, faults, arguments)


def _result(
    program: Callable[[], object],
    exploration: Exploration,
    doubt: str,
    timeouts: int,
    faults: int,
    arguments: str,
    crash: CrashCounts | None = None,
) -> Result:
    """What a search says, with a token of its first finding."""
    if doubt:
        exploration.because(doubt)
    failure = None
    if exploration.findings:
        finding = exploration.findings[0]
        module, name = name_of(program)
        if isinstance(finding, CrashFinding):
            token = crash_token(finding, module, name, timeouts, faults)
        else:
            token = Token(module, name, finding.schedule, timeouts, fingerprint(finding.execution.steps), faults)
        failure = _failure(finding, str(token), arguments)
    return Result(
        exploration.verdict(),
        exploration.executions,
        exploration.bounds,
        tuple(exploration.reasons),
        failure,
        exploration,
        crash,
    )


def _runner(
    program: Callable[[], object],
    vehicle: str,
    timeouts: int,
    instrument: Sequence[Any],
    root: str | os.PathLike[str] | None,
    faults: int,
    file_faults: Sequence[str],
    pin: Collection[str],
    signals: bool,
) -> Runner:
    """A runner of a user's program: files count, wherever they are."""
    if faults < 0:
        raise UsageError(f"faults={faults}: give the number of places that may break in an execution")
    breaker = FileFaults(file_faults, below_root)
    place = None if root is None else Root(root, breaker if faults else None)
    box = Anywhere() if place is None else place.box
    return Runner(
        program,
        vehicle=vehicle,
        timeouts=timeouts,
        instrument=instrument,
        faults=faults,
        signals=signals,
        install=[
            lambda patches: anywhere.install(patches, box),
            foreign.install_channels,
            lambda patches: chance.pin(patches, pin),
        ],
        before=box.begin if place is None else place.empty,
        after=box.end,
    )


def _failure(finding: Finding, token: str, arguments: str) -> ProgramFailure:
    return ProgramFailure(finding.failure.kind, finding.failure.error, token, finding, arguments)


def _refuse_pins(pin: Collection[str]) -> None:
    if pin:
        raise UsageError("pin= and recover= do not go together: a crash search pins names only")


def _arguments(
    instrument: Sequence[Any],
    root: object,
    file_faults: Sequence[str],
    recover: object = None,
    pin: Collection[str] = (),
    signals: bool = False,
) -> str:
    """What besides program and token a user would have to write to replay it."""
    names = [_dotted(target) for target in instrument]
    parts = [f"instrument=[{', '.join(names)}]"] if names else []
    if root is not None:
        parts.append("root=...")
    if tuple(file_faults) != tuple(FILE_FAULTS):
        parts.append(f"file_faults={list(file_faults)!r}")
    if signals:
        parts.append("signals=True")
    if recover is not None:
        parts.append(f"recover={getattr(recover, '__name__', 'recover')}")
    if pin:
        parts.append(f"pin={sorted(pin)!r}")
    return "".join(f", {part}" for part in parts)


def _dotted(target: Any) -> str:
    if isinstance(target, str):
        return repr(target)
    module, name = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
    return repr(f"{module}.{name}" if module and name else getattr(target, "__name__", str(target)))


def replay(
    program: Callable[[], object],
    token: str,
    *,
    vehicle: str = "fiber",
    instrument: Sequence[Any] = (),
    root: str | os.PathLike[str] | None = None,
    file_faults: Sequence[str] = tuple(FILE_FAULTS),
    signals: bool = False,
    recover: Callable[[], object] | None = None,
    pin: Collection[str] = (),
) -> Result:
    """Run one schedule of a program again, to its crash where it has one.

    Args:
        program: the one that the token was made for.
        token: as a failure prints it.
        vehicle: what carries the tasks.
        instrument, root, file_faults, signals, recover, pin: as it was explored with.

    Raises:
        UsageError: the token is damaged or of another program.
        NondeterminismError: it does not fit the program any more.
    """
    read = parse(token)
    module, name = name_of(program)
    if (read.implementation, read.scenario) != (module, name):
        raise UsageError(f"the token is of {read.implementation}/{read.scenario}, not of {module}/{name}")
    if read.stops and recover is None:
        raise UsageError("the token has a crash in it: say what recovers, with recover=")
    if recover is not None:
        _refuse_pins(pin)
        check(recover, root, "power", 0)
        assert root is not None
        how = {"vehicle": vehicle, "timeouts": read.timeouts, "instrument": instrument, "faults": read.faults}
        with search_of(program, recover, root, file_faults, "power", "", 0, **how) as search:
            exploration = replay_crash(search, read) if read.stops else replay_schedule(search.runner, read)
    else:
        options = (read.timeouts, instrument, root, read.faults, file_faults, pin, signals)
        with _runner(program, vehicle, *options) as runner:
            exploration = replay_schedule(runner, read)
    failure = None
    if exploration.findings:
        arguments = _arguments(instrument, root, file_faults, recover, pin, signals)
        failure = _failure(exploration.findings[0], token, arguments)
    verdict = Verdict.BROKEN if failure else Verdict.INCONCLUSIVE
    return Result(verdict, 1, "one schedule", tuple(exploration.reasons), failure, exploration)


def replay_schedule(runner: Runner, token: Token) -> Exploration:
    """Run the schedule of a token with call sites recorded; every failure of it is a finding.

    Raises:
        NondeterminismError: the schedule does not fit, or what happens is not what was recorded.
    """
    execution = rerun(runner, token)
    findings = [Finding(failure, 1, token.schedule, execution) for failure in execution.failures]
    return Exploration(
        executions=1,
        steps=len(execution.steps),
        findings=findings,
        bounds="one schedule",
        reasons=["one schedule only"],
    )


def rerun(runner: Runner, token: Token) -> Execution:
    """The execution of a token's schedule, with call sites.

    Raises:
        NondeterminismError: the schedule does not fit, or what happens is not what was recorded.
    """
    chooser = Replay(token.schedule)
    execution = runner.run(chooser, detailed=True)
    if chooser.unused or fingerprint(execution.steps) != token.fingerprint:
        raise NondeterminismError(
            f"the token does not fit any more: its schedule runs, but what happens is not what was recorded "
            f"({len(execution.steps)} steps, ended: {execution.ending}). Usual causes: the program, loadloom or a "
            "library changed since, or the order of a set, id(), the clock or random numbers steer it"
        )
    return execution
