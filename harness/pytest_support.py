"""What the pytest plugin does once there is something to do."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import api
from .conformance.record import assemble
from .conformance.registry import implementation
from .conformance.scenario import Scenario, load
from .conformance.suite import Search, replay, verify_one
from .errors import LoadloomError as LoadloomError
from .errors import UsageError
from .report import document, table
from .report.explain import explain_program
from .report.replayed import replayed
from .search.token import parse
from .verdict import Verdict


@dataclass(frozen=True)
class Outcome:
    """What a search says, for a test.

    Attributes:
        verdict: in words.
        executions: how many.
        broken: what to show if it is broken; else empty.
        doubts: why nothing can be claimed, where nothing is broken; else empty.
    """

    verdict: str
    executions: int
    broken: str = ""
    doubts: str = ""


OUTCOME = pytest.StashKey[Outcome]()


def scenario_at(path: Path) -> Scenario:
    """The scenario of a file. Raises UsageError."""
    return load(path)


def check(name: str) -> None:
    """Raise UsageError if there is no implementation of this name."""
    implementation(name)


def implementation_in(token: str) -> str:
    """Which implementation a token is of. Raises UsageError if it is damaged."""
    return parse(token).implementation


def verify_scenario(name: str, scenario: Scenario) -> Outcome:
    """Search a scenario."""
    loader = implementation(name)
    part = document.part_of(verify_one(loader, scenario, Search()))
    record = assemble(document.who(loader), [part], [])
    executions = part.scenario.executions
    if record.verdict is Verdict.BROKEN:
        text = "\n\n".join("\n".join(finding.story) for finding in record.findings)
        return Outcome(str(record.verdict), executions, broken=text)
    doubts = "" if record.verdict.passes else "\n".join(table.doubts(record))
    return Outcome(str(record.verdict), executions, doubts=doubts)


def replay_scenario(token: str, path: Path) -> Outcome:
    """Run one schedule of a scenario again; one that breaks nothing proves nothing."""
    again = replay(token, str(path))
    text = "\n".join(replayed(again))
    if again.failures:
        return Outcome(str(Verdict.BROKEN), 1, broken=text)
    return Outcome(str(Verdict.INCONCLUSIVE), 1, doubts=text)


def of_token(token: str, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests that a token is of.

    Raises:
        pytest.UsageError: it is damaged, or none of them is.
    """
    try:
        read = parse(token)
    except UsageError as error:
        raise pytest.UsageError(f"loadloom: {error}") from error
    chosen = [item for item in items if _identity(item) == (read.implementation, read.scenario)]
    if not chosen and items:
        raise pytest.UsageError(
            f"loadloom: no test collected here is the token's: {read.implementation}, {read.scenario}"
        )
    return chosen


def _identity(item: pytest.Item) -> tuple[str, str]:
    scenario = getattr(item, "scenario", None)
    if isinstance(scenario, Scenario):
        return str(getattr(item, "implementation", "")), scenario.name
    if item.get_closest_marker("interleavings") is not None and isinstance(item, pytest.Function):
        return _names(item)
    return "", ""


def _names(item: pytest.Function) -> tuple[str, str]:
    """Module and test, as its tokens say; the number that pytest-repeat gives it is no part of that."""
    params = getattr(item, "callspec", None)
    ident = params.id if params is not None else ""
    count = getattr(item.config.option, "count", None)
    if count:
        ident = re.sub(rf"(^|-)\d+-{count}$", "", ident)
    name = f"{item.function.__qualname__}[{ident}]" if ident else item.function.__qualname__
    return item.module.__name__, name.replace("/", "_")


_ARGUMENTS = {
    "strategy", "preemptions", "timeouts", "max_executions", "time_budget", "seed", "depth", "accept", "instrument",
}  # fmt: skip


def explore_test(item: pytest.Item, mark: pytest.Mark, token: str) -> Outcome:
    """Explore the body of a test, or run one schedule of it again.

    Raises:
        UsageError: the test cannot be explored; the message says why and what to do.
    """
    if not isinstance(item, pytest.Function) or item.__class__.__name__ == "TestCaseFunction":
        raise UsageError(f"{mark.name}: only plain test functions and methods can be explored, not unittest's")
    unknown = sorted(set(mark.kwargs) - _ARGUMENTS)
    if mark.args or unknown:
        raise UsageError(f"{mark.name}: takes the arguments {', '.join(sorted(_ARGUMENTS))}, by name")
    program = _program(item)
    if token:
        return _replayed(item, api.replay(program, token, instrument=mark.kwargs.get("instrument", ())))
    return _explored(item, api.explore(program, **mark.kwargs))


def _program(item: pytest.Function) -> Callable[[], object]:
    if inspect.iscoroutinefunction(item.function):
        raise UsageError("interleavings: an async test has no threads of its own; make it an ordinary one")
    wanted = [name for name in inspect.signature(item.obj).parameters if name in item.funcargs]
    for name in wanted:
        if _made_once(item, name):
            raise UsageError(
                f"interleavings: fixture {name!r} is made once for the test, but the test's body runs once for each "
                "order and would find what the run before left in it; make it in the body, or, if it is never "
                "changed, give it a wider scope"
            )
    arguments = {name: item.funcargs[name] for name in wanted}

    def program() -> object:
        return item.obj(**arguments)

    program.__module__, program.__qualname__ = _names(item)
    return program


def _made_once(item: pytest.Function, name: str) -> bool:
    """Whether an argument comes from a function-scoped fixture; a plain parameter does not."""
    definitions = item._fixtureinfo.name2fixturedefs.get(name, ())
    if not definitions:
        return False
    last = definitions[-1]
    parameter = last.func.__name__ == "get_direct_param_fixture_func"
    return last.scope == "function" and not parameter


def _explored(item: pytest.Item, result: api.Result) -> Outcome:
    broken = doubts = ""
    if result.failure is not None:
        command = f"pytest '{item.nodeid}' --loadloom-replay '{result.failure.token}'"
        broken = explain_program(result.failure, command)
    elif not result.ok:
        try:
            result.raise_if_failed()
        except api.ExplorationFailed as error:
            doubts = str(error)
    return Outcome(str(result.verdict), result.executions, broken, doubts)


def _replayed(item: pytest.Item, result: api.Result) -> Outcome:
    outcome = _explored(item, result)
    if outcome.broken:
        return outcome
    return Outcome(outcome.verdict, 1, doubts="this schedule breaks nothing; one schedule proves nothing")
