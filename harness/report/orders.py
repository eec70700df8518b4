"""The six orders of marker write, state publish and rename, as a table and as JSON."""

from __future__ import annotations

from typing import Any

from ..conformance.orderings import Orderings, Seen
from ..conformance.suite import file_of
from ..verdict import exit_code
from .explain import replay_command
from .table import Cells


def cells(found: Orderings) -> Cells:
    """One row an order."""
    table = [["order", "reached", "safe", "executions", ""]]
    for seen in found.orders:
        table.append([seen.name, _reached(found, seen), "yes" if seen.safe else "NO", str(seen.executions), ""])
    return [row[:4] for row in table]


def _reached(found: Orderings, seen: Seen) -> str:
    if seen.executions:
        return "yes"
    if not found.exploration.complete:
        return "not seen"
    return "no, within the bounds" if found.exploration.bounds else "no"


def below(found: Orderings) -> list[str]:
    """The command that shows each unsafe order, then what may be claimed."""
    lines = []
    for seen in found.orders:
        if seen.token:
            command = replay_command(seen.token, file_of(found.scenario))
            lines.append(f"{seen.name} (job {seen.job!r}): {command}")
    lines += [f"INCONCLUSIVE: {reason}" for reason in found.exploration.reasons]
    return [*lines, *([""] if lines else []), _summary(found)]


def _summary(found: Orderings) -> str:
    unsafe = [seen.name for seen in found.orders if seen.executions and not seen.safe]
    reached = [seen.name for seen in found.orders if seen.executions]
    what = f"unsafe orders reached: {', '.join(unsafe)}" if unsafe else f"reached: {', '.join(reached) or 'none'}"
    searched = found.exploration
    how = searched.bounds or ("every order" if searched.complete else "not finished")
    who = f"{found.implementation.name} {found.implementation.version}".strip()
    return f"{who}, scenario {found.scenario.name}: {found.verdict}: {what} ({searched.executions} executions, {how})"


def code(found: Orderings) -> int:
    """The exit code."""
    return exit_code([found.verdict])


def document(found: Orderings) -> dict[str, Any]:
    """The same as data."""
    return {
        "command": "orderings",
        "implementation": {"name": found.implementation.name, "version": found.implementation.version},
        "scenario": found.scenario.name,
        "verdict": str(found.verdict),
        "exit_code": code(found),
        "executions": found.exploration.executions,
        "complete": found.exploration.complete,
        "bounds": found.exploration.bounds,
        "reasons": list(found.exploration.reasons),
        "orders": [
            {
                "order": list(seen.order),
                "reached": seen.executions > 0,
                "safe": seen.safe,
                "executions": seen.executions,
                "job": seen.job,
                "token": seen.token,
                "replay": replay_command(seen.token, file_of(found.scenario)) if seen.token else "",
            }
            for seen in found.orders
        ],
    }
