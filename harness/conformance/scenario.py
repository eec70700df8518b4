"""Scenarios: jobs with outcomes, bounds, and the rules to check. Data wherever data will do."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UsageError

SUCCESS = "success"
TERMINAL = "terminal"
TRANSIENT = "transient"
ALL_RULES = ("C1", "C2", "C3", "C4", "C5")


@dataclass(frozen=True)
class JobPlan:
    """A job and how the destination takes it, attempt by attempt; the last outcome stays.

    Attributes:
        name: the job's name, the same everywhere.
        outcomes: ``success``, ``terminal`` (no further attempt can succeed) or ``transient``.
    """

    name: str
    outcomes: tuple[str, ...] = (SUCCESS,)


def succeeds(name: str) -> JobPlan:
    """A job that the destination takes."""
    return JobPlan(name)


def fails(name: str) -> JobPlan:
    """A job that the destination refuses for good."""
    return JobPlan(name, (TERMINAL,))


def retries(name: str, times: int = 1) -> JobPlan:
    """A job that succeeds after ``times`` transient failures."""
    return JobPlan(name, (TRANSIENT,) * times + (SUCCESS,))


@dataclass(frozen=True)
class Scenario:
    """What is tried, and what must hold.

    Attributes:
        title: one sentence: what is tried.
        source: where it was learned (an issue, a paper).
        jobs: the jobs of the package.
        workers: how many run at once; 0: in the loader's own thread.
        observer: a further task looks at each job's state and marker while the loader runs.
        rules: the rules to check.
        preemptions: bound of the search.
        timeouts: timed waits that may expire although something else could run.
        sequential: only one task is meant to run; there is nothing to interleave.
        name: the file's name; filled in when it is read.
    """

    title: str
    jobs: tuple[JobPlan, ...] | list[JobPlan]
    source: str = ""
    workers: int = 2
    observer: bool = False
    rules: tuple[str, ...] = ALL_RULES
    preemptions: int = 2
    timeouts: int = 1
    sequential: bool = False
    name: str = ""
    path: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "jobs", tuple(self.jobs))
        names = [job.name for job in self.jobs]
        if not names or len(set(names)) != len(names):
            raise ValueError("a scenario needs jobs with different names")
        for job in self.jobs:
            if not job.outcomes or not set(job.outcomes) <= {SUCCESS, TERMINAL, TRANSIENT}:
                raise ValueError(f"job {job.name!r}: outcomes are success, terminal or transient")
        unknown = sorted(set(self.rules) - set(ALL_RULES))
        if unknown:
            raise ValueError(f"unknown rules: {', '.join(unknown)}; known are {', '.join(ALL_RULES)}")


def catalogue() -> Path:
    """The folder of the scenarios that come with loadloom."""
    return Path(__file__).resolve().parent.parent.parent / "scenarios"


def available() -> dict[str, Path]:
    """The scenario files that come with loadloom by name, sorted; `discovery` knows those of other packages."""
    return files_in(catalogue())


def files_in(*folders: Path) -> dict[str, Path]:
    """The scenario files in some folders and below by name, sorted."""
    found = {
        path.stem.replace("_", "-"): path
        for folder in folders
        for path in folder.rglob("*.py")
        if not path.stem.startswith("_") and path.stem != "conftest"
    }
    return dict(sorted(found.items()))


def find(name: str) -> Scenario:
    """The scenario of this name, ours or an installed package's, or in this file.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    from .discovery import scenarios  # which reads files through this module

    known = scenarios()
    if name in known:
        return replace(load(known[name]), name=name)
    if name.endswith(".py") or "/" in name:
        return load(Path(name))
    raise UsageError(f"no scenario {name!r}; there are {', '.join(known)}; or give a file")


def load(path: Path) -> Scenario:
    """Read a scenario file: Python code with one `Scenario` at module level.

    Raises:
        UsageError: the file is missing or cannot be read as a scenario; the message names file and line.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such scenario file")
    module_name = "loadloom_scenario_" + re.sub(r"\W", "_", path.stem)
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno}: not a scenario: {error.msg}") from error
    except Exception as error:
        raise UsageError(f"{path}:{_line(error, path)}: not a scenario: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = writes_bytecode
    found = [value for value in vars(module).values() if isinstance(value, Scenario)]
    if len(found) != 1:
        raise UsageError(f"{path}: a scenario file defines one Scenario, this one {len(found)}")
    return replace(found[0], name=path.stem.replace("_", "-"), path=str(path))


def _line(error: BaseException, path: Path) -> int:
    line = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
