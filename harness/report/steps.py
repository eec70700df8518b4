"""The steps of an execution in words: who did what, to what, where."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..trace import GO, Operation, Site

Who = Callable[[Any], str]
"""What to call a task."""


@dataclass(frozen=True)
class Line:
    """One step of a listing.

    Attributes:
        number: of the step, counting from 1.
        mark: ``!`` a preemption, ``>`` the step at which something broke.
        task, operation, what, site: columns.
        note: why the step matters.
    """

    number: int
    task: str
    operation: str
    what: str
    site: str
    mark: str = ""
    note: str = ""


def plain_name(task: Any) -> str:
    """The task's name."""
    return str(task.name)


def role_name(task: Any) -> str:
    """The task's name with its part in a loader."""
    if not task.path:
        return f"loader {task.name}"
    return str(task.name) if task.name == "observer" else f"worker {task.name}"


def short_site(site: Site | None) -> str:
    """The last two parts of the path, and the line."""
    if site is None:
        return ""
    parts = site.path.replace(os.sep, "/").split("/")
    return f"{'/'.join(parts[-2:])}:{site.line}"


def what_of(step: Operation) -> str:
    """What a step touches: ``a._state = completed``, ``normalized/1/x.tmp -> x``, ``semaphore 1``."""
    resource, detail = step.resource, step.detail
    kind, _, rest = resource.partition(" ")
    if kind == "attr":
        owner = rest.rpartition(".")[0]
        return f"{owner}.{detail}" if detail else rest
    if kind in ("file", "data", "listing", "tree"):
        return _shorter_move(detail) if detail else rest
    if kind == "step":
        return detail or rest
    if kind == "task":
        return detail or resource
    return f"{resource} ({detail})" if detail and resource else detail or resource


def _shorter_move(detail: str) -> str:
    source, arrow, target = detail.partition(" -> ")
    if arrow and os.path.dirname(source) == os.path.dirname(target):
        return f"{source} -> {os.path.basename(target)}"
    return detail


def operation_of(step: Operation) -> str:
    """Its kind, whether it gave up waiting, and how it was made to fail."""
    word = step.kind if step.outcome == GO else f"{step.kind} times out"
    return f"{word} ({step.fault})" if step.fault else word


def line_of(step: Operation, who: Who = plain_name, note: str = "", broken: bool = False) -> Line:
    """One step as a line."""
    mark = (">" if broken else "") + ("!" if step.preempted else "")
    return Line(step.index + 1, who(step.task), operation_of(step), what_of(step), short_site(step.site), mark, note)


def preempted_by(step: Operation, steps: list[Operation], who: Who = plain_name) -> str:
    """Whose turn a preempting step took, and what that task was about to do."""
    before = steps[step.index - 1].task
    later = next((s for s in steps[step.index + 1 :] if s.task is before), None)
    about = f" before its {operation_of(later)} of {what_of(later)}" if later is not None and what_of(later) else ""
    return f"preempts {who(before)}{about}"


def layout(lines: Iterable[Line]) -> list[str]:
    """Lines in columns."""
    rows = list(lines)
    if not rows:
        return []
    number = max(len(str(row.number)) for row in rows)
    mark = max(1, *(len(row.mark) for row in rows))
    widths = [_width(getattr(row, name) for row in rows) for name in ("task", "operation", "what", "site")]
    out = []
    for row in rows:
        cells = [f"{row.mark:>{mark}} {row.number:>{number}}"]
        cells += [f"{text:<{width}}" for text, width in zip((row.task, row.operation, row.what, row.site), widths)]
        if row.note:
            cells.append(f"<- {row.note}")
        out.append("  ".join(cells).rstrip())
    return out


def _width(texts: Iterable[str]) -> int:
    """Wide enough for all but the odd long one."""
    return min(max(map(len, texts), default=0), 64)
