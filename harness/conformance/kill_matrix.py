"""Every variant against every scenario: does each defect get caught, does each scenario catch any?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from ..verdict import Verdict
from .registry import implementation
from .scenario import Scenario
from .spread import spread
from .verify import verify

REFERENCE = "refimpl"
EXECUTIONS = 100
"""For each cell: a defect that one of our scenarios is made for shows within a few dozen."""
SETTLE = 25
"""Executions without a new finding after which a killed variant's cell is done."""


class Variant(msgspec.Struct):
    """A loader with one deliberate defect.

    Attributes:
        name: as on the command line.
        breaks: the rule that it is made to break.
        scenario: the scenario in which it breaks it.
    """

    name: str
    breaks: str
    scenario: str


class Cell(msgspec.Struct):
    """One variant, or the reference loader, in one scenario.

    Attributes:
        variant: its name.
        scenario: its name.
        broken: the rules that were found broken, ``run`` among them; none: it was not killed.
        executions: how many were run.
        complete: whether nothing more was left to run.
    """

    variant: str
    scenario: str
    broken: list[str]
    executions: int
    complete: bool


class Matrix(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        command: always ``kill-matrix``.
        quick: whether only as many cells were run as it takes to know; the reference loader is left out then.
        variants: the defects.
        scenarios: names of the scenarios that were run, in order.
        cells: by scenario, then variant.
        problems: what is wrong with the suite, one line each; none: all is well.
        unfinished: how many cells were left, because the user stopped it.
    """

    command: str
    quick: bool
    variants: list[Variant]
    scenarios: list[str]
    cells: list[Cell]
    problems: list[str]
    unfinished: int

    @property
    def exit_code(self) -> int:
        """0 all is well; 1 something survives or kills nothing; 130 stopped by the user."""
        return 130 if self.unfinished else 1 if self.problems else 0


@dataclass(frozen=True)
class _Task:
    """Loaders to try in one scenario, one after another; with ``enough``, until one is killed."""

    scenario: Scenario
    loaders: tuple[str, ...]
    executions: int
    enough: bool = False


def variants_named(names: Iterable[str]) -> list[Variant]:
    """Variants by name, with or without ``refimpl:``; all of them for no names.

    Raises:
        UsageError: there is none of this name.
    """
    from .adapters.refimpl import Refimpl, variants

    found = [Refimpl(name.removeprefix("refimpl:")) for name in dict.fromkeys(names)] or map(Refimpl, variants())
    return [Variant(each.name, each.breaks, each.scenario) for each in found]


def kill_matrix(
    variants: Sequence[Variant],
    scenarios: Sequence[Scenario],
    *,
    every_variant: bool = True,
    quick: bool = False,
    executions: int = EXECUTIONS,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Run the matrix; Ctrl-C keeps what is done.

    Args:
        variants: the rows.
        scenarios: the columns.
        every_variant: whether these are all there are: only then can a scenario be said to kill nothing.
        quick: only what it takes to know that each variant is killed by its rule, and that each scenario kills one.
        executions: for each cell at most.
        processes: how many at once.
        progress: called with how many cells are done and how many there are.
    """
    cells: dict[tuple[str, str], Cell] = {}
    total = len(scenarios) * (len(variants) + 1)

    def run(tasks: Sequence[_Task]) -> bool:
        try:
            for _, found in spread(_cells, tasks, processes):
                for cell in found or ():
                    cells[cell.scenario, cell.variant] = cell
                if progress is not None:
                    progress(len(cells), total)
                if found is None:
                    return False
        except KeyboardInterrupt:
            return False
        return True

    if quick:
        done = run(_own(variants, scenarios, executions)) and run(_rest(variants, scenarios, executions, cells))
    else:
        names = (REFERENCE, *(variant.name for variant in variants))
        done = run([_Task(scenario, (name,), executions) for scenario in scenarios for name in names])
    names = (REFERENCE, *(variant.name for variant in variants))
    ordered = [cells[key] for scenario in scenarios for name in names if (key := (scenario.name, name)) in cells]
    return Matrix(
        command="kill-matrix",
        quick=quick,
        variants=list(variants),
        scenarios=[scenario.name for scenario in scenarios],
        cells=ordered,
        problems=list(_problems(variants, scenarios, ordered, every_variant)) if done else [],
        unfinished=0 if done else max(1, total - len(cells)),
    )


def _own(variants: Sequence[Variant], scenarios: Sequence[Scenario], executions: int) -> list[_Task]:
    """Each variant in the scenario that it names."""
    of = {scenario.name: scenario for scenario in scenarios}
    return [_Task(of[each.scenario], (each.name,), executions) for each in variants if each.scenario in of]


def _rest(
    variants: Sequence[Variant], scenarios: Sequence[Scenario], executions: int, done: dict[tuple[str, str], Cell]
) -> list[_Task]:
    """Scenarios that have killed nothing yet, each with the variants that were not tried there."""
    killing = {cell.scenario for cell in done.values() if cell.broken}
    tasks = []
    for scenario in scenarios:
        if scenario.name not in killing:
            left = sorted(
                (each for each in variants if (scenario.name, each.name) not in done),
                # those that break a rule of it first, and of these the rules that apply most widely
                key=lambda each: (each.breaks not in scenario.rules, int(each.breaks[1:])),
            )
            tasks.append(_Task(scenario, tuple(each.name for each in left), executions, enough=True))
    return tasks


def _cells(task: _Task) -> list[Cell] | None:
    """In a worker; None where it was stopped."""
    found = []
    try:
        for name in task.loaders:
            report = verify(implementation(name), task.scenario, max_executions=task.executions, settle=SETTLE)
            broken = [rule.rule for rule in report.rules if rule.verdict is Verdict.BROKEN]
            searched = report.exploration
            found.append(Cell(name, task.scenario.name, broken, searched.executions, searched.complete))
            if broken and task.enough:
                break
    except KeyboardInterrupt:
        return None
    return found


def _problems(
    variants: Sequence[Variant], scenarios: Sequence[Scenario], cells: Sequence[Cell], every_variant: bool
) -> Iterator[str]:
    """What is wrong with the suite. Of a part of it only what can be said of the part."""
    names = {scenario.name for scenario in scenarios}
    for cell in cells:
        if cell.variant == REFERENCE and cell.broken:
            yield f"{REFERENCE} itself breaks {', '.join(cell.broken)} in {cell.scenario}: kills there say nothing"
    for variant in variants:
        mine = [cell for cell in cells if cell.variant == variant.name]
        own = next((cell for cell in mine if cell.scenario == variant.scenario), None)
        if own is None:
            continue  # its scenario is not among these
        if not any(cell.broken for cell in mine):
            yield f"{variant.name} survives every scenario"
        elif variant.breaks not in own.broken:
            seen = ", ".join(own.broken) or "nothing"
            yield f"{variant.name} is made to break {variant.breaks} in {own.scenario}, and breaks {seen} there"
    killing = {cell.scenario for cell in cells if cell.broken and cell.variant != REFERENCE}
    if every_variant:
        yield from (f"scenario {name} kills nothing" for name in sorted(names - killing))
