"""The kill matrix as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from ..conformance.kill_matrix import REFERENCE, Cell, Matrix, Variant
from .markdown import cell as escaped

BY_ITS_RULE, OTHERWISE, SURVIVES, NOT_RUN = "#", "x", ".", " "
LEGEND = f"{BY_ITS_RULE} killed by the rule it is made to break, {OTHERWISE} by others only, {SURVIVES} not killed"


def lines(matrix: Matrix) -> list[str]:
    """A row for each variant, a numbered column for each scenario; below, the scenarios and what is wrong."""
    cells = {(each.variant, each.scenario): each for each in matrix.cells}
    width = max((len(variant.name) for variant in matrix.variants), default=0)
    out = [f"{'':{width}}  {head}" for head in _heads(len(matrix.scenarios))]
    for variant in matrix.variants:
        signs = "".join(_sign(variant, cells.get((variant.name, name))) for name in matrix.scenarios)
        out.append(f"{variant.name:{width}}  {signs}  {variant.breaks}: {_killers(variant, cells.values())}")
    out += ["", f"{LEGEND}; columns:"]
    for number, name in enumerate(matrix.scenarios, 1):
        out.append(f"{number:>4}  {name}: {_kills(name, matrix)}")
    out += ["", *(f"WRONG {problem}" for problem in matrix.problems), *([""] if matrix.problems else [])]
    return [*(line.rstrip() for line in out), summary(matrix)]


def summary(matrix: Matrix) -> str:
    """The last line."""
    run = f"{len(matrix.variants)} variants, {len(matrix.scenarios)} scenarios, {len(matrix.cells)} cells"
    if matrix.unfinished:
        return f"kill matrix: interrupted, {matrix.unfinished} cells left ({run})"
    if matrix.problems:
        return f"kill matrix: {len(matrix.problems)} wrong ({run})"
    reference = "" if matrix.quick else f", {REFERENCE} is not"
    return f"kill matrix: every variant is killed by its rule, every scenario kills{reference} ({run})"


def markdown(matrix: Matrix) -> str:
    """The whole matrix with the rules that were found broken."""
    cells = {(each.variant, each.scenario): each for each in matrix.cells}
    out = ["# Kill matrix", "", f"{summary(matrix)}.", ""]
    out += [f"- {problem}" for problem in matrix.problems] + ([""] if matrix.problems else [])
    out.append("| variant | breaks | " + " | ".join(map(escaped, matrix.scenarios)) + " |")
    out.append("|---|---|" + "---|" * len(matrix.scenarios))
    for variant in (Variant(REFERENCE, "", ""), *matrix.variants):
        row = [_rules(variant, cells.get((variant.name, name))) for name in matrix.scenarios]
        out.append(f"| {escaped(variant.name)} | {variant.breaks} | {' | '.join(row)} |")
    return "\n".join(out) + "\n"


def _heads(count: int) -> list[str]:
    """The numbers of the columns, downwards."""
    digits = len(str(count))
    texts = [f"{number:>{digits}}" for number in range(1, count + 1)]
    return ["".join(text[place] for text in texts) for place in range(digits)]


def _sign(variant: Variant, cell: Cell | None) -> str:
    if cell is None:
        return NOT_RUN
    if not cell.broken:
        return SURVIVES
    return BY_ITS_RULE if variant.breaks in cell.broken else OTHERWISE


def _rules(variant: Variant, cell: Cell | None) -> str:
    if cell is None:
        return ""
    return " ".join(f"**{rule}**" if rule == variant.breaks else rule for rule in cell.broken) or "-"


def _killers(variant: Variant, cells: Iterable[Cell]) -> str:
    mine = [cell for cell in cells if cell.variant == variant.name]
    killed = [cell for cell in mine if cell.broken]
    return f"killed by {len(killed)} of {len(mine)}"


def _kills(scenario: str, matrix: Matrix) -> str:
    mine = [cell for cell in matrix.cells if cell.scenario == scenario and cell.variant != REFERENCE]
    killed = [cell.variant.removeprefix("refimpl:") for cell in mine if cell.broken]
    named = ", ".join(killed[:4]) + (f" and {len(killed) - 4} more" if len(killed) > 4 else "")
    return f"kills {len(killed)} of {len(mine)}" + (f": {named}" if killed else "")
