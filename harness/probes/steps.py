"""Steps announced by hand: `harness.step`."""

from __future__ import annotations

from collections.abc import Hashable

from ..runtime import control
from ..trace import READ, WRITE, Operation


def step(resource: Hashable, mode: str = "write", kind: str = "", detail: str | None = None) -> None:
    """Announce a visible operation by hand: it and the code up to the next announcement are one step.

    Args:
        resource: what it touches: anything hashable whose text is the same from run to run.
        mode: ``"read"`` or ``"write"``; two reads of one resource commute.
        kind: what to call it in a trace; the mode by default.
        detail: what to show of it in a trace.

    Raises:
        ValueError: the mode is neither.

    Outside an execution it does nothing.
    """
    if mode not in ("read", "write"):
        raise ValueError(f"mode is 'read' or 'write', not {mode!r}")
    execution = control.current()
    if execution is not None:
        access = (f"step {resource}", READ if mode == "read" else WRITE)
        execution.perform(Operation(kind or mode, (access,), detail=detail))
