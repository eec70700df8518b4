"""Verify one implementation in one scenario: search its schedules, judge each rule."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..contract import MONITORS, View, Watch
from ..contract.agreement import Agreement, Key, Outcome
from ..contract.events import TERMINAL
from ..contract.monitor import Lens as LensFunction
from ..errors import Abandoned, AdapterError, LoadloomError
from ..faults import FileFaults, happened
from ..faults.files import LASTING
from ..probes import Patches, attributes, files
from ..probes.steps import step
from ..runtime import Execution, control
from ..search import Dpor, Fixed, Strategy
from ..search.defaults import SameFaults
from ..search.explore import Exploration, Finding, Progress, explore
from ..search.runner import Runner
from ..search.selfcheck import distrust
from ..search.token import Token, fingerprint
from ..trace import WRITE, Operation
from ..verdict import Verdict
from . import plan
from .adapter import Implementation, World
from .lens import RETURNED, Lens, WorldView
from .scenario import Scenario

SETTLE = 500
"""A broken loader needs mending before the rest of its traces are of interest."""
RUN = "run"
"""The pseudo-rule that every execution ends and no exception gets lost."""


@dataclass(frozen=True)
class RuleVerdict:
    """What may be claimed about one rule in one scenario.

    Attributes:
        rule: its number.
        verdict: what may be claimed.
        judged: how often it could have been broken, over all executions.
        finding: how it is broken; None where it is not.
    """

    rule: str
    verdict: Verdict
    judged: int
    findings: tuple[Finding, ...] = ()


@dataclass
class Report:
    """One implementation in one scenario.

    Attributes:
        implementation: as on the command line.
        version: of the loader.
        scenario: what was tried.
        exploration: how it was searched.
        rules: the verdicts, in the scenario's order of rules.
    """

    implementation: str
    version: str
    scenario: Scenario
    exploration: Exploration
    rules: list[RuleVerdict] = field(default_factory=list)

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each rule."""
        return [rule.verdict for rule in self.rules]

    def add(self, finding: Finding) -> None:
        """One more finding, of a schedule that the search did not come to."""
        self.exploration.findings.append(finding)
        self.rules = [
            replace(rule, verdict=Verdict.BROKEN, findings=(*rule.findings, finding))
            if rule.rule == (finding.failure.rule or RUN)
            else rule
            for rule in self.rules
        ]

    def token(self, finding: Finding) -> Token:
        """The token that shows a finding again."""
        return token_of(self.implementation, self.scenario, finding.schedule, finding.execution)


def token_of(implementation: str, scenario: Scenario, schedule: Any, execution: Execution) -> Token:
    """The token of a schedule of this scenario."""
    mark = fingerprint(execution.steps)
    return Token(implementation, scenario.name, tuple(schedule), scenario.timeouts, mark, scenario.faults)


class Session:
    """An implementation in a scenario, ready to run executions. Made by `session`."""

    def __init__(self, implementation: Implementation, scenario: Scenario, world: World, root: str) -> None:
        self.implementation = implementation
        self.scenario = scenario
        self.world = world
        self.root = root
        self.jobs = tuple(job.name for job in scenario.jobs)
        self.watch = Watch([MONITORS[rule] for rule in scenario.rules], self._eyes)
        self.agreement = Agreement()
        self.raised: BaseException | None = None
        self.box = files.Sandbox(root, scenario.listings)
        if scenario.faults and (plan.FILES in scenario.at or plan.MARKER in scenario.at):
            self.box.breaker = FileFaults(scenario.file_faults, self._may_fail)
        installers: list[Callable[[Patches], None]] = [lambda patches: files.install(patches, self.box)]
        for shared in world.shared():
            installers.append(
                lambda patches, s=shared: attributes.install(patches, s.owner, s.attributes, s.label)  # type: ignore[misc]
            )
        self.runner = Runner(
            self._program,
            timeouts=scenario.timeouts,
            faults=scenario.faults,
            signals=plan.SIGNAL in scenario.at,
            install=installers,
            before=self._before,
            listener=self.watch,
            after=self._after,
        )

    def _eyes(self) -> tuple[View, LensFunction]:
        return WorldView(self.world, self.root, self.jobs, lambda: self.raised), Lens(self.world)

    def _may_fail(self, execution: Execution, _: Operation) -> bool:
        return plan.FILES in self.scenario.at or execution.current in self.world.script.calling

    def _before(self) -> None:
        self.raised = None
        for name in sorted(os.listdir(self.root)):
            shutil.rmtree(os.path.join(self.root, name), ignore_errors=True)
        self.box.reset()
        try:
            self.world.lay_down()
        except Exception as error:
            raise AdapterError(
                f"the adapter of {self.implementation.name} could not lay down the package: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _after(self, execution: Execution) -> None:
        self.watch.end(execution)
        execution.notes["events"] = self.watch.events  # for whoever explains it
        if "C12" in self.scenario.rules and execution.ending == "finished" and self._is_free(execution):
            execution.notes["outcome"] = self._outcome(execution)
            self._compare(execution)
        here = self.root + os.sep  # a temporary name: a replay elsewhere is to print the same
        execution.failures[:] = [
            replace(found, error=found.error.replace(here, "")) if here in found.error else found
            for found in execution.failures
        ]

    def _program(self) -> None:
        if self.scenario.observer:
            threading.Thread(target=self._observe, name="observer", daemon=True).start()
        execution = control.exploring()
        assert execution is not None
        assert execution.current is not None
        try:
            self.world.run()
        except Abandoned:
            raise
        except BaseException as error:
            self.raised = error
        execution.interrupt = None  # what comes now is ours
        execution.perform(Operation("return", ((RETURNED, WRITE),), detail="the loader"))
        if self.raised is not None and not self.world.script.explains(self.raised, execution, self.world.reports):
            execution.fail_with(execution.current, self.raised)

    def _is_free(self, execution: Execution) -> bool:
        """Whether the outcome may not depend on the order: it does where a fault meets whoever comes next."""
        lasting = any(fault.kind == LASTING for fault in happened(execution))
        signalled = any(fault.kind in ("SIGINT", "SIGTERM") for fault in happened(execution))
        return not (lasting or signalled or self.world.script.interrupted)

    def _outcome(self, execution: Execution) -> Outcome:
        view = WorldView(self.world, self.root, self.jobs, lambda: self.raised)
        states = tuple((job, view.state(job) or "not started") for job in self.jobs)
        error = "" if self.raised is None else type(self.raised).__name__
        return Outcome(states, view.location(), error)

    def _compare(self, execution: Execution) -> None:
        step = len(execution.steps) - 1
        failure = self.agreement.judge(_faults_of(execution), execution.notes["outcome"], step)
        if failure is not None:
            execution.failures.append(failure)

    def agree(self, execution: Execution) -> None:
        """Hold an execution against the default order with the same faults, which is run where it is not known yet."""
        key = _faults_of(execution)
        if "outcome" not in execution.notes or self.agreement.knows(key):
            return  # nothing to say of it, or it was compared when it ended
        default = self.runner.run(SameFaults(key))
        same = "outcome" in default.notes and _faults_of(default) == key
        self.agreement.learn(key, (default if same else execution).notes["outcome"])
        self._compare(execution)

    def _observe(self) -> None:
        """Look at each job through the loader's own API, as a user would, until it is terminal."""
        for name in self.jobs:
            while True:
                step(f"made {name}", "read", kind="look for")
                job = self.world.job(name)
                if job is not None and getattr(job, self.world.layout.state) in TERMINAL:
                    self.world.marker(name)
                    break
                time.sleep(0.1)


def _faults_of(execution: Execution) -> Key:
    return tuple(sorted((fault.place, fault.kind) for fault in happened(execution)))


@contextmanager
def session(implementation: Implementation, scenario: Scenario) -> Iterator[Session]:
    """A sandbox with everything in place, warmed up; gone afterwards."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(prefix="loadloom-", dir=memory if os.access(memory, os.W_OK) else None) as base:
        root = os.path.join(os.path.realpath(base), "box")
        os.mkdir(root)
        try:
            world = implementation.world(scenario, root)
            world.prepare()
            made = Session(implementation, scenario, world, root)
        except LoadloomError:
            raise
        except Exception as error:
            raise AdapterError(
                f"the adapter of {implementation.name} could not get ready: {type(error).__name__}: {error}"
            ) from error
        try:
            with made.runner:
                made.runner.run(Fixed(()))  # imports and caches: the first run may not be like the others
                made.watch.judged.clear()
                yield made
        finally:
            world.close()


def verify(
    implementation: Implementation,
    scenario: Scenario,
    *,
    strategy: Strategy | None = None,
    max_executions: int | None = None,
    time_budget: float | None = None,
    settle: int | None = SETTLE,
    progress: Callable[[Progress], None] | None = None,
    visit: Callable[[Execution, Watch], None] | None = None,
) -> Report:
    """Search the schedules of a scenario and judge its rules.

    Args:
        implementation: the loader.
        scenario: what is tried.
        strategy: which schedules; by default one of each trace.
        max_executions: how many at most.
        time_budget: seconds.
        settle: once a rule is broken, executions without a new finding after which to end; what was not seen broken
            by then is INCONCLUSIVE. None: search to the end all the same.
        progress: told after each execution.
        visit: called with each execution and the events seen in it.

    Raises:
        AdapterError: the adapter failed, not the loader.
    """
    doubt = distrust()
    with session(implementation, scenario) as ready:

        def visited(execution: Execution) -> None:
            ready.agree(execution)
            if visit is not None:
                visit(execution, ready.watch)

        exploration = explore(
            ready.runner,
            strategy or Dpor(),
            max_executions=max_executions,
            time_budget=time_budget,
            settle=settle,
            progress=progress,
            visit=visited,
        )
        if doubt:
            exploration.because(doubt)
        report = Report(implementation.name, implementation.version, scenario, exploration)
        ready.watch.judged["C12"] = ready.agreement.judged
        for rule in scenario.rules:
            judged, may_miss = ready.watch.judged[rule], rule in scenario.may_miss
            report.rules.append(_judge(exploration, rule, judged, scenario.sequential, may_miss))
        report.rules.append(_judge_run(exploration, scenario.sequential))
    return report


def _judge(exploration: Exploration, rule: str, judged: int, sequential: bool, may_miss: bool) -> RuleVerdict:
    found = tuple(f for f in exploration.findings if f.failure.rule == rule)
    if found:
        return RuleVerdict(rule, Verdict.BROKEN, judged, found)
    if judged == 0 and exploration.complete:
        return RuleVerdict(rule, Verdict.NOT_APPLICABLE if may_miss else Verdict.VACUOUS, 0)
    return RuleVerdict(rule, exploration.clean(sequential), judged)


def _judge_run(exploration: Exploration, sequential: bool) -> RuleVerdict:
    found = tuple(f for f in exploration.findings if not f.failure.rule)
    if found:
        return RuleVerdict(RUN, Verdict.BROKEN, exploration.executions, found)
    return RuleVerdict(RUN, exploration.clean(sequential), exploration.executions)

