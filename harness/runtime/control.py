"""Which execution is in control of the code that runs here, if any."""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .execution import Execution

_active: Execution | None = None
_ident = 0


def enter(execution: Execution) -> tuple[Execution | None, int]:
    """Put ``execution`` in control of this OS thread; returns what `leave` needs."""
    global _active, _ident
    previous = (_active, _ident)
    _active, _ident = execution, get_ident()
    return previous


def leave(previous: tuple[Execution | None, int]) -> None:
    """Undo `enter`."""
    global _active, _ident
    _active, _ident = previous


def current() -> Execution | None:
    """The execution whose task runs here; None outside of any task, where every facade is the real thing."""
    execution = _active
    if execution is None or execution.current is None or execution.quiet or get_ident() != _ident:
        return None
    return execution


def exploring() -> Execution | None:
    """The execution in control of the process, whichever thread asks."""
    return _active
