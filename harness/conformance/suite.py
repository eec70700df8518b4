"""A scenario of one implementation as a user asks for it, and one schedule of it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..api import rerun
from ..contract.events import Event
from ..errors import NondeterminismError, UsageError
from ..runtime import Execution
from ..search import Strategy
from ..search.explore import Progress
from ..search.named import make_strategy
from ..search.token import Token, parse
from ..trace import Failure
from . import discovery
from .adapter import Implementation
from .registry import implementation as implementation_named
from .scenario import Scenario, find
from .verify import SETTLE, Report, session, verify


@dataclass(frozen=True)
class Search:
    """How to search, as the user asked; None leaves it to the scenario.

    Attributes:
        strategy: its name.
        preemptions: the bound of ``bounded``.
        max_executions: for each scenario.
        time_budget: seconds for each scenario.
        seed: of strategies that sample.
        depth: of the bugs that ``pct`` looks for.
        accept: ``sampled``: samples are an answer.
        keep_going: search to the end although something is broken and nothing new is found.
        quick: by default only with as few preemptions as the scenario says for a quick look.
    """

    strategy: str | None = None
    preemptions: int | None = None
    max_executions: int | None = None
    time_budget: float | None = None
    seed: int = 0
    depth: int | None = None
    accept: str | None = None
    keep_going: bool = False
    quick: bool = False

    def strategy_for(self, scenario: Scenario) -> Strategy | None:
        """A fresh strategy; None: the one that `verify` takes by itself.

        Raises:
            UsageError: there is none of this name, or an option is not for it.
        """
        if (self.strategy, self.preemptions, self.depth, self.accept) == (None, None, None, None):
            return make_strategy("bounded", preemptions=scenario.quick) if self.quick else None
        preemptions = self.preemptions
        if preemptions is None and self.strategy == "bounded":
            preemptions = scenario.preemptions
        return make_strategy(
            self.strategy or "dpor",
            preemptions=preemptions,
            depth=self.depth,
            max_executions=self.max_executions,
            seed=self.seed,
            accept=self.accept,
        )


class Spectator(Protocol):
    """Told how far a verification is."""

    def begins(self, scenario: Scenario) -> None:
        """A scenario is searched now."""

    def progress(self, progress: Progress) -> None:
        """An execution of it has ended."""


def verify_one(
    implementation: Implementation, scenario: Scenario, search: Search, spectator: Spectator | None = None
) -> Report:
    """Verify one scenario as the user asked.

    Raises:
        UsageError: the search makes no sense.
        AdapterError: the adapter failed, not the loader.
        KeyboardInterrupt: the user stopped it.
    """
    if spectator is not None:
        spectator.begins(scenario)
    return verify(
        implementation,
        scenario,
        strategy=search.strategy_for(scenario),
        max_executions=search.max_executions,
        time_budget=search.time_budget,
        settle=None if search.keep_going else SETTLE,
        progress=None if spectator is None else spectator.progress,
    )


def file_of(scenario: Scenario) -> str:
    """The file to name beside a token of this scenario; empty for one that its name finds."""
    known = discovery.scenarios().get(scenario.name)
    if not scenario.path or (known is not None and known.resolve() == Path(scenario.path).resolve()):
        return ""
    return scenario.path


@dataclass(frozen=True)
class Replayed:
    """One schedule, run again.

    Attributes:
        token: that said which.
        implementation: the loader.
        scenario: what was tried.
        execution: with call sites.
        failures: what is broken in it, one for each cause.
        events: its steps in the words of the contract.
    """

    token: Token
    implementation: Implementation
    scenario: Scenario
    execution: Execution
    failures: tuple[Failure, ...]
    events: tuple[Event, ...]

    @property
    def exit_code(self) -> int:
        """1 if it breaks anything; 3 otherwise: one schedule proves nothing."""
        return 1 if self.failures else 3


def replay(text: str, scenario_file: str = "") -> Replayed:
    """Run the schedule of a token again.

    Args:
        text: the token.
        scenario_file: where its scenario is, if it is none of ours.

    Raises:
        UsageError: it is damaged, or of something that is not here.
        NondeterminismError: it does not fit any more.
    """
    token = parse(text)
    scenario = _scenario_of(token, scenario_file)
    implementation = implementation_named(token.implementation)
    with session(implementation, replace(scenario.with_faults(token.faults), timeouts=token.timeouts)) as ready:
        try:
            execution = rerun(ready.runner, token)
            ready.agree(execution)
        except NondeterminismError as error:
            here = f"{implementation.name} {implementation.version}".strip()
            raise NondeterminismError(f"{error} (here: {here}, scenario {scenario.name})") from error
    causes = {failure.cause: failure for failure in reversed(execution.failures)}
    failures = tuple(failure for failure in execution.failures if causes[failure.cause] is failure)
    events = tuple(execution.notes.get("events", ()))
    return Replayed(token, implementation, scenario, execution, failures, events)


def _scenario_of(token: Token, scenario_file: str) -> Scenario:
    if not scenario_file:
        if token.scenario not in discovery.scenarios():
            raise UsageError(
                f"the token is of scenario {token.scenario!r}, which is none of ours; say where it is: --scenario FILE"
            )
        return find(token.scenario)
    scenario = find(scenario_file)
    if scenario.name != token.scenario:
        raise UsageError(f"the token is of scenario {token.scenario!r}, not of {scenario.name!r}")
    return scenario
