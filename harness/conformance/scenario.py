"""Scenarios: jobs with outcomes, bounds, and the rules to check. Data wherever data will do."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

from ..contract.rules import RULES
from ..errors import UsageError
from ..faults import FILE_FAULTS
from . import plan
from .plan import JobPlan, breaks, fails, retries, slow, succeeds

__all__ = [
    "ALL_RULES", "JobPlan", "Scenario", "available", "breaks", "catalogue", "fails", "find", "load", "retries", "slow",
    "succeeds",
]  # fmt: skip

ALL_RULES = tuple(RULES)
ASCENDING = "ascending"
LISTINGS = (ASCENDING, "descending", "both")


@dataclass(frozen=True)
class Scenario:
    """What is tried, and what must hold.

    Attributes:
        title: one sentence: what is tried.
        source: where it was learned (an issue, a paper).
        jobs: the jobs of the package.
        workers: how many run at once; 0: in the loader's own thread.
        observer: a further task looks at each job's state and marker while the loader runs.
        rules: the rules to check; by default those that these jobs and faults could break.
        faults: how many places may break in an execution, as the search chooses.
        at: which places those are, see `plan.PLACES`.
        errors: how they may break, see `plan.KINDS`.
        file_faults: how file operations may break, see `harness.FILE_FAULTS`.
        ledger: whether the destination keeps a ledger, for loaders that can use one.
        listings: the order in which directories are listed: ``ascending``, ``descending``, or ``both`` in turn.
        raise_on_failed: whether the loader is told to raise once a job has failed for good.
        preemptions: bound of the search, where it is bounded.
        quick: the bound of a quick one; by default 1, and 0 where faults are chosen.
        timeouts: timed waits that may expire although something else could run.
        sequential: only one task is meant to run; there is nothing to interleave.
        name: the file's name, and for one of a family what tells it from the others; filled in when it is read.
    """

    title: str
    jobs: tuple[JobPlan, ...] | list[JobPlan]
    source: str = ""
    workers: int = 2
    observer: bool = False
    rules: tuple[str, ...] = ()
    faults: int = 0
    at: tuple[str, ...] = ()
    errors: tuple[str, ...] = (plan.TRANSIENT, plan.TERMINAL, plan.INTERRUPT)
    file_faults: tuple[str, ...] = ("EIO", "ENOSPC")
    ledger: bool = False
    listings: str = ASCENDING
    raise_on_failed: bool = False
    preemptions: int = 2
    quick: int = -1
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
            if not job.outcomes:
                raise ValueError(f"job {job.name!r} has no outcome")
            for outcome in job.outcomes:
                plan.parse(outcome)
        if self.quick < 0:
            object.__setattr__(self, "quick", 0 if self.faults else 1)
        if self.faults and not self.at:
            places = (*plan.JOB_PLACES, *plan.LOAD_PLACES)
            usual = tuple(place for place in places if self.ledger or place not in plan.OF_LEDGER)
            object.__setattr__(self, "at", usual)
        _known("rules", self.rules, ALL_RULES)
        _known("at", self.at, plan.PLACES)
        _known("errors", self.errors, plan.KINDS)
        _known("file_faults", self.file_faults, FILE_FAULTS)
        _known("listings", (self.listings,), LISTINGS)
        if not self.rules:
            object.__setattr__(self, "rules", tuple(rules_for(self)))

    def with_faults(self, faults: int) -> Scenario:
        """The same with so many places that may break in an execution, and the rules that this could break besides."""
        if faults == self.faults:
            return self
        other = replace(self, faults=faults, rules=())
        wanted = {*self.rules, *other.rules} if faults else set(self.rules)
        return replace(other, rules=tuple(rule for rule in ALL_RULES if rule in wanted))

    @property
    def may_miss(self) -> tuple[str, ...]:
        """Rules that need not be reached, so that they do not apply then: a package with such jobs may stay."""
        stays = any(
            job.meets(tuple(plan.KINDS), plan.FROM_CALLBACK)
            or job.meets((plan.INTERRUPT, plan.EXIT, plan.GENERATOR_EXIT), tuple(plan.JOB_PLACES))
            for job in self.jobs
        )
        return ("C4", "C5") if stays or self.raise_on_failed else ()

    @staticmethod
    def family(
        title: str, make: Callable[..., dict[str, Any]], axes: dict[str, Sequence[Any]], **common: Any
    ) -> list[Scenario]:
        """A scenario for each combination of values.

        Args:
            title: of each; its braces name axes.
            make: called with a value for each axis, by name; the arguments of that scenario. None: no such one.
            axes: names and values. The values' texts, joined by dashes, tell the scenarios' names apart.
            common: arguments of all of them.
        """
        found = []
        for values in product(*axes.values()):
            chosen = dict(zip(axes, values))
            arguments = make(**chosen)
            if arguments is not None:
                tail = "-".join(re.sub(r"[^A-Za-z0-9]+", "-", str(value)) for value in values)
                found.append(Scenario(title.format(**chosen), name=tail, **{**common, **arguments}))
        return found


def rules_for(scenario: Scenario) -> Iterator[str]:
    """The rules that its jobs and faults could break; others would be VACUOUS."""
    free = scenario.at if scenario.faults else ()
    kinds = tuple(plan.KINDS)
    calls = any(job.meets(kinds, plan.FROM_CALLBACK) for job in scenario.jobs)
    may_fail = any(place in free for place in plan.BEFORE_COMMIT)
    may_call = any(place in free for place in (*plan.FROM_CALLBACK, plan.MARKER, plan.FILES))
    retried = any(job.meets((plan.TRANSIENT,), plan.BEFORE_COMMIT) for job in scenario.jobs)
    both = any(job.meets_both(plan.BEFORE_COMMIT, plan.FROM_CALLBACK) for job in scenario.jobs)
    refused = any(job.meets((plan.TERMINAL,), plan.BEFORE_COMMIT) for job in scenario.jobs)
    checked = {
        "C7": calls or may_call,
        "C8": both or (refused and may_call) or (scenario.faults > 1 and may_fail and may_call),
        "C9": retried or (may_fail and plan.TRANSIENT in scenario.errors),
        "C11": scenario.workers > 0,
        "C12": tuple(free) != (plan.SIGNAL,),  # how far the jobs were when it came is chance
    }
    for rule in ALL_RULES:
        if RULES[rule].level <= 2 and checked.get(rule, True):
            yield rule


def _known(what: str, given: Sequence[str], known: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"unknown {what}: {', '.join(unknown)}; known are {', '.join(known)}")


def catalogue() -> Path:
    """The folder of the scenarios that come with loadloom."""
    return Path(__file__).resolve().parent.parent.parent / "scenarios"


def available() -> dict[str, Path]:
    """The scenario files that come with loadloom by name, sorted; `discovery` knows those of other packages."""
    return files_in(catalogue())


def files_in(*folders: Path) -> dict[str, Path]:
    """The scenario files in some folders and below by the names of their scenarios, sorted."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            if not path.stem.startswith("_") and path.stem != "conftest":
                found.update((name, path) for name in _names_in(path))
    return dict(sorted(found.items()))


def _names_in(path: Path) -> list[str]:
    """Names of the scenarios in a file. Only one that speaks of a family is run for it."""
    if b".family(" in path.read_bytes():
        try:
            return [scenario.name for scenario in load_all(path)]
        except UsageError:
            pass  # who asks for it is told what is wrong
    return [_stem(path)]


def _stem(path: Path) -> str:
    return path.stem.replace("_", "-")


def find(name: str) -> Scenario:
    """The scenario of this name, ours or an installed package's, or in this file.

    Raises:
        UsageError: there is none, it cannot be read, or there are several.
    """
    found = find_all(name)
    if len(found) > 1:
        raise UsageError(f"{name}: a family of {len(found)}; name one: {', '.join(each.name for each in found)}")
    return found[0]


def find_all(name: str) -> list[Scenario]:
    """The scenario of this name, or each of the family of this name, or in this file.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    from .discovery import scenarios  # which reads files through this module

    known = scenarios()
    if name in known:
        own = name.rpartition(".")[2]
        return [replace(each, name=name) for each in load_all(known[name]) if each.name == own]
    prefix, dot, stem = name.rpartition(".")
    members = {path for each, path in known.items() if each.startswith(prefix + dot) and _stem(path) == stem}
    if members:
        return [replace(each, name=f"{prefix}{dot}{each.name}") for path in members for each in load_all(path)]
    if name.endswith(".py") or "/" in name:
        return load_all(Path(name))
    raise UsageError(f"no scenario {name!r}; there are {', '.join(known)}; or give a file")


def load(path: Path) -> Scenario:
    """The one scenario of a file.

    Raises:
        UsageError: as `load_all`, or it is a family.
    """
    found = load_all(path)
    if len(found) > 1:
        raise UsageError(f"{path}: a family of {len(found)}; name one: {', '.join(each.name for each in found)}")
    return found[0]


def load_all(path: Path) -> list[Scenario]:
    """Read a scenario file: Python code with one `Scenario`, or one family of them, at module level.

    Raises:
        UsageError: the file is missing or cannot be read as a scenario; the message names file and line.
    """
    values = list(vars(_module(path)).values())
    single = [value for value in values if isinstance(value, Scenario)]
    families = [v for v in values if isinstance(v, list) and v and all(isinstance(each, Scenario) for each in v)]
    if len(single) + len(families) != 1:
        count = len(single) + len(families)
        raise UsageError(f"{path}: a scenario file defines one Scenario or one family of them, this one {count}")
    if single:
        return [replace(single[0], name=_stem(path), path=str(path))]
    return [replace(each, name=f"{_stem(path)}-{each.name}", path=str(path)) for each in families[0]]


def _module(path: Path) -> ModuleType:
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
    return module


def _line(error: BaseException, path: Path) -> int:
    line = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
