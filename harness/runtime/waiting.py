"""Who waits for what, held by whom: the table of a deadlock or livelock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..trace import Failure, Operation, Waiting

if TYPE_CHECKING:
    from .execution import Execution


def stuck(execution: Execution) -> Failure:
    """The failure of an execution in which no task can go on."""
    waiting = tuple(_row(task.pending) for task in execution.live if not task.daemon and not task.pending.idle)
    polls = [t for t in execution.live if not t.daemon and t.pending.deadline is not None]
    kind = "livelock" if polls and len(polls) == len(waiting) else "deadlock"
    where = "; ".join(f"{row.task} {row.operation} {row.resource} <- {','.join(row.holders)}" for row in waiting)
    verb = "polls for ever and finds nothing new" if kind == "livelock" else "waits for ever"
    tasks = ", ".join(row.task for row in waiting)
    return Failure(kind, f"{tasks}: {verb}", where=where, step=len(execution.steps) - 1, waiting=waiting)


def _row(operation: Operation) -> Waiting:
    holders = operation.awaits() if operation.awaits is not None else ()
    return Waiting(
        operation.task.name,
        operation.kind,
        operation.resource,
        tuple(str(getattr(h, "name", h)) for h in holders),
        operation.site,
    )
