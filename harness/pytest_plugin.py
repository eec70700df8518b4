"""pytest: scenario files as tests, and ordinary tests in every order of their threads.

Loaded in every project that has loadloom installed, so it imports nothing of loadloom until there is something to do,
and it changes nothing that it does not collect.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .pytest_support import Outcome

MARK = "interleavings"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, all with our prefix."""
    group = parser.getgroup("loadloom", "loadloom: loaders and threads in every order that matters")
    group.addoption(
        "--loadloom-impl",
        action="append",
        default=[],
        metavar="NAME",
        help="loader that scenario files are run against (repeatable): refimpl (default), refimpl:VARIANT, dlt, "
        "package.module:Adapter",
    )
    group.addoption("--loadloom-replay", default="", metavar="TOKEN", help="run only the schedule of this token again")
    parser.addini(
        "loadloom_scenarios",
        "folders and files of scenarios, below the root; by default the files in folders called 'scenarios' that "
        "import harness and define a Scenario",
        type="args",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Our marker."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(strategy=..., preemptions=..., timeouts=..., max_executions=..., time_budget=..., seed=..., "
        "depth=..., accept=..., instrument=...): run the test's body in every order of its threads that matters "
        "(harness.explore)",
    )


# -- scenario files ------------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Scenario files. Nothing is imported to find out whether a file is one."""
    if file_path.suffix == ".py" and _is_scenario(file_path, parent.config):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


def _is_scenario(path: Path, config: pytest.Config) -> bool:
    named = config.getini("loadloom_scenarios")
    if named:
        places = [config.rootpath / each for each in named]
        return _could_be(path) and any(path == place or place in path.parents for place in places)
    if "scenarios" not in path.parent.parts or not _could_be(path):
        return False
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return "Scenario(" in text and "harness" in text


def _could_be(path: Path) -> bool:
    return not path.stem.startswith(("_", "test_")) and path.stem != "conftest"


class ScenarioFile(pytest.File):
    """One scenario; a test for each implementation."""

    def collect(self) -> Iterator[pytest.Item]:
        """Implementations in order of their names; pytest-repeat's count, where it is given."""
        from . import pytest_support as support

        token = self.config.getoption("--loadloom-replay")
        scenario = support.scenario_at(self.path)
        if token:
            names = [support.implementation_in(token)]
        else:
            names = sorted(set(self.config.getoption("--loadloom-impl"))) or ["refimpl"]
        for name in names:
            support.check(name)
        count = int(getattr(self.config.option, "count", 1) or 1)
        for name in names:
            for n in range(1, count + 1):
                ident = name if count == 1 else f"{name}-{n}-{count}"
                yield ScenarioItem.from_parent(
                    self, name=f"{scenario.name}[{ident}]", scenario=scenario, implementation=name
                )

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Errors of ours are one line."""
        return _in_words(excinfo) or super().repr_failure(excinfo)


class ScenarioItem(pytest.Item):
    """One implementation in one scenario."""

    def __init__(self, scenario: Any, implementation: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.scenario = scenario
        self.implementation = implementation
        self.outcome: Outcome | None = None

    def setup(self) -> None:
        """Search. What allows no claim is an error, as what keeps a test from running is."""
        from . import pytest_support as support

        token = self.config.getoption("--loadloom-replay")
        if token:
            self.outcome = support.replay_scenario(token, self.path)
        else:
            self.outcome = support.verify_scenario(self.implementation, self.scenario)
        _count(self, self.outcome)
        if self.outcome.doubts:
            pytest.fail(self.outcome.doubts, pytrace=False)

    def runtest(self) -> None:
        """What is broken is a failure."""
        assert self.outcome is not None
        if self.outcome.broken:
            pytest.fail(self.outcome.broken, pytrace=False)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Errors of ours are one line."""
        return _in_words(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Headline of a failure."""
        return self.path, None, f"scenario {self.name}"


def _in_words(excinfo: Any) -> str:
    from .errors import LoadloomError

    return f"loadloom: {excinfo.value}" if isinstance(excinfo.value, LoadloomError) else ""


# -- ordinary tests ------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Explore the body of a marked test, once its fixtures are there."""
    mark = item.get_closest_marker(MARK)
    if mark is None or isinstance(item, ScenarioItem):
        return
    from . import pytest_support as support

    said = ""
    try:
        outcome = support.explore_test(item, mark, item.config.getoption("--loadloom-replay"))
        item.stash[support.OUTCOME] = outcome
        _count(item, outcome)
        said = outcome.doubts
    except support.LoadloomError as error:
        said = f"loadloom: {error}"
    if said:
        pytest.fail(said, pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """The body of a marked test has run by now; say what was found."""
    if pyfuncitem.get_closest_marker(MARK) is None:
        return None
    from . import pytest_support as support

    broken = pyfuncitem.stash[support.OUTCOME].broken
    if broken:
        pytest.fail(broken, pytrace=False)
    return True


# -- replaying, counting -------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a token only the test that it is of is left."""
    token = config.getoption("--loadloom-replay")
    if not token:
        return
    from . import pytest_support as support

    chosen = support.of_token(token, items)
    rest = [item for item in items if item not in chosen]
    if rest:
        config.hook.pytest_deselected(items=rest)
        items[:] = chosen


def _count(item: pytest.Item, outcome: Outcome) -> None:
    """Kept in the report, which also comes back from xdist's workers."""
    item.user_properties.append(("loadloom", [outcome.verdict, outcome.executions]))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How much was searched, and the verdicts."""
    found: dict[str, tuple[str, int]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "loadloom":
                    found[report.nodeid] = (value[0], value[1])
    if not found:
        return
    verdicts = [verdict for verdict, _ in found.values()]
    counts = ", ".join(f"{verdicts.count(each)} {each}" for each in sorted(set(verdicts)))
    executions = sum(count for _, count in found.values())
    terminalreporter.write_line(f"loadloom: {counts} ({executions} executions)")
