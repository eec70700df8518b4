"""What a verification says, as plain data: the content of ``report.json``.

``docs/report.schema.json`` is made from this. No clock time is in it: the same loader, scenarios and seed give the same
bytes.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import msgspec

from ..search.token import parse
from ..verdict import Verdict, exit_code, worst
from .levels import Certificate, certify
from .verify import RUN

FORMAT: Literal[1] = 1
"""Version of the schema: raised when a field goes or changes its meaning, not when one is added (docs/versions.md)."""


REPORT = "report.json"
"""The name of its file."""


class Who(msgspec.Struct):
    """A program.

    Attributes:
        name: an implementation's as on the command line.
        version: its version; empty where it has none.
    """

    name: str
    version: str


class RuleResult(msgspec.Struct):
    """What may be claimed about one rule in one scenario.

    Attributes:
        rule: its number, ``C1`` ...; ``run``: every execution ends and no exception gets lost.
        verdict: what may be claimed.
        judged: how often it could have been broken, over all executions.
    """

    rule: str
    verdict: Verdict
    judged: int


class Doubt(msgspec.Struct):
    """Why nothing can be claimed of some rules of a scenario.

    Attributes:
        verdict: ``INCONCLUSIVE`` or ``VACUOUS``.
        reason: one line.
        rules: their numbers.
    """

    verdict: Verdict
    reason: str
    rules: list[str]


class ScenarioResult(msgspec.Struct, kw_only=True):
    """One scenario.

    Attributes:
        name: its name.
        title: what is tried.
        file: where it is, if it is none of those that come with loadloom; else empty.
        executions: how many were run.
        complete: whether the search ran everything that it covers.
        bounds: what limits the claim, for people; empty where nothing does.
        doubts: why something is INCONCLUSIVE or VACUOUS.
        rules: the verdicts.
    """

    name: str
    title: str
    file: str
    executions: int
    complete: bool
    bounds: str
    doubts: list[Doubt]
    rules: list[RuleResult]


class Waiting(msgspec.Struct, kw_only=True):
    """A task that waits for ever.

    Attributes:
        task: its name.
        operation: what it is about to do.
        resource: to what.
        holders: the tasks that it waits for.
        site: where, ``file:line``; null where that is unknown.
    """

    task: str
    operation: str
    resource: str
    holders: list[str]
    site: str | None


class Access(msgspec.Struct):
    """A resource that a step touches.

    Attributes:
        resource: its name, the same from run to run.
        mode: ``r`` read, ``w`` write, ``+`` an addition that commutes with others.
    """

    resource: str
    mode: str


class Step(msgspec.Struct, kw_only=True):
    """A step of an execution.

    Attributes:
        number: counting from 1.
        task: who.
        operation: what it does.
        what: to what, for people.
        accesses: the resources that it touches.
        preempts: whether it takes the turn from a task that could have gone on.
        site: where, ``file:line``; null where that is unknown.
    """

    number: int
    task: str
    operation: str
    what: str
    accesses: list[Access]
    preempts: bool
    site: str | None


class Problem(msgspec.Struct, kw_only=True):
    """Something broken.

    Attributes:
        cause: the same for the same defect, from run to run, on every machine and Python: ``C4/late marker``.
        kind: ``rule``, ``exception``, ``deadlock``, ``livelock``.
        rule: the rule; empty where none is meant.
        subject: the job or task concerned; empty where none is.
        error: what was seen, one line.
        expected: what must hold.
        step: number of the step at which it broke; 0 where there is none.
        waiting: who waits for whom, of a deadlock.
    """

    cause: str
    kind: str
    rule: str
    subject: str
    error: str
    expected: str
    step: int
    waiting: list[Waiting]


class Finding(Problem, kw_only=True):
    """Something broken, with the smallest schedule that was found for it.

    Attributes:
        scenario: in which that schedule is.
        also_in: other scenarios in which the same cause was found.
        found_in: the execution that showed it first; 0: a failing token kept from an earlier run.
        preemptions: of the schedule.
        token: the schedule.
        replay: the command that runs it again.
        story: the failure explained, with the steps that matter, as the terminal shows it.
        steps: every step.
    """

    scenario: str
    also_in: list[str]
    found_in: int
    preemptions: int
    token: str
    replay: str
    story: list[str]
    steps: list[Step]


class BaselineResult(msgspec.Struct, kw_only=True):
    """How the verification compares with a baseline.

    Attributes:
        known: causes that the baseline has.
        new: causes that it has not.
        vanished: causes that it has and that are not found any more.
        accepted: what is INCONCLUSIVE or VACUOUS and accepted so, a line each.
        doubts: what else is, a line each.
        exit_code: 0 nothing is new and nothing is gone; else 1; 3 where there are such doubts.
    """

    known: list[str]
    new: list[str]
    vanished: list[str]
    accepted: list[str]
    doubts: list[str]
    exit_code: int


class Record(msgspec.Struct, kw_only=True):
    """A verification.

    Attributes:
        format: version of this schema.
        command: always ``verify``.
        tool: loadloom, and its version.
        python: version of Python.
        implementation: the loader under test.
        verdict: the worst of all scenarios.
        exit_code: without regard to a baseline.
        certificate: which level is reached.
        scenarios: one result each.
        findings: one for each cause; rules by number, then what belongs to none.
        unfinished: scenarios that were to be run and were not, because the user stopped it.
        baseline: how it compares; null where none was given.
    """

    format: Literal[1]
    command: Literal["verify"]
    tool: Who
    python: str
    implementation: Who
    verdict: Verdict
    exit_code: int
    certificate: Certificate
    scenarios: list[ScenarioResult]
    findings: list[Finding]
    unfinished: list[str]
    baseline: BaselineResult | None

    @property
    def status(self) -> int:
        """The exit code of the command."""
        return self.exit_code if self.baseline is None else self.baseline.exit_code

    def findings_of(self, rule: str, scenario: str) -> list[Finding]:
        """What breaks a rule, or ``run``, in a scenario."""
        named = "" if rule == RUN else rule
        return [f for f in self.findings if f.rule == named and scenario in (f.scenario, *f.also_in)]


class Part(msgspec.Struct):
    """One scenario of a verification, on its way into a `Record`.

    Attributes:
        scenario: the result.
        findings: of this scenario alone.
        seconds: what it took; kept out of the record.
        notes: what the user should hear besides, a line each.
    """

    scenario: ScenarioResult
    findings: list[Finding]
    seconds: float
    notes: list[str] = []


def assemble(
    implementation: Who, parts: Sequence[Part], catalogue: Iterable[str], unfinished: Sequence[str] = ()
) -> Record:
    """The record of some scenarios.

    Args:
        implementation: the loader.
        parts: what was found in each, in order.
        catalogue: the names of all scenarios that a certificate asks for.
        unfinished: those that were to be run and were not.
    """
    scenarios = [part.scenario for part in parts]
    verdicts = [rule.verdict for scenario in scenarios for rule in scenario.rules]
    left = [Verdict.INCONCLUSIVE] * len(unfinished)
    return Record(
        format=FORMAT,
        command="verify",
        tool=Who("loadloom", own_version()),
        python=platform.python_version(),
        implementation=implementation,
        verdict=worst(verdicts + left),
        exit_code=130 if unfinished else exit_code(verdicts),
        certificate=certify([(s.name, s.bounds, [(r.rule, r.verdict) for r in s.rules]) for s in scenarios], catalogue),
        scenarios=scenarios,
        findings=fold(finding for part in parts for finding in part.findings),
        unfinished=list(unfinished),
        baseline=None,
    )


def own_version() -> str:
    """Of loadloom."""
    try:
        return version("loadloom")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return ""


def fold(findings: Iterable[Finding]) -> list[Finding]:
    """Each cause once, shown by its smallest schedule; rules by number, then what belongs to none."""
    of: dict[str, list[Finding]] = {}
    for finding in findings:
        of.setdefault(finding.cause, []).append(finding)
    folded = []
    for each in of.values():
        chosen = min(each, key=_size)
        names = [name for finding in each for name in (finding.scenario, *finding.also_in)]
        also = [name for name in dict.fromkeys(names) if name != chosen.scenario]
        folded.append(msgspec.structs.replace(chosen, also_in=also))
    return sorted(folded, key=_rank)


def _size(finding: Finding) -> tuple[int, int, int]:
    return finding.preemptions, len(parse(finding.token).schedule), len(finding.steps)


def _rank(finding: Finding) -> tuple[bool, int, str]:
    number = finding.rule[1:]
    return not finding.rule, int(number) if number.isdigit() else 0, finding.rule


__all__ = [
    "FORMAT", "REPORT", "Access", "BaselineResult", "Doubt", "Finding", "Part", "Problem", "Record", "RuleResult",
    "ScenarioResult", "Step", "Waiting", "Who", "assemble", "fold", "own_version",
]  # fmt: skip
