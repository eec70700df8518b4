"""Marks: what somebody outside has seen, and a crash cannot take back."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ..runtime import control
from ..trace import WRITE, Operation

_tell: Callable[[Hashable], object] | None = None
_made: tuple[Hashable, ...] = ()


def mark(event: Hashable) -> None:
    """Say that somebody outside sees something now: an acknowledgement, a commit elsewhere, a line printed.

    From here on a crash finds it seen; `marks` tells recovery of it. It is a step. Outside an execution it does
    nothing.

    Args:
        event: what was seen; its text is the same from run to run.
    """
    execution = control.current()
    if execution is None:
        return
    execution.perform(Operation("mark", ((f"mark {event}", WRITE),)))
    if _tell is not None:
        _tell(event)


def marks() -> tuple[Hashable, ...]:
    """What was seen before the crash from which this recovers, each task's in order; empty where nothing was."""
    return _made


def listen(tell: Callable[[Hashable], object] | None, made: tuple[Hashable, ...]) -> None:
    """Tell ``tell`` of marks from now on; ``made`` are those from before the crash."""
    global _tell, _made
    _tell, _made = tell, made
