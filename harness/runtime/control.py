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


def take_over() -> None:
    """The task that runs now does so on this OS thread."""
    global _ident
    _ident = get_ident()


def current() -> Execution | None:
    """The execution whose task runs here; None outside of any task, where every facade is the real thing."""
    execution = _active
    if execution is None or execution.current is None or execution.quiet or get_ident() != _ident:
        return None
    return execution


def ident() -> int:
    """The OS thread that runs the current task."""
    return _ident


def exploring() -> Execution | None:
    """The execution in control of the process, whichever thread asks."""
    return _active


class quiet:
    """What happens inside is part of the step that is being taken: facades are the real thing."""

    __slots__ = ("_execution",)

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def __enter__(self) -> None:
        self._execution.quiet += 1

    def __exit__(self, *_: object) -> None:
        self._execution.quiet -= 1


def outside() -> Execution | None:
    """The execution that is going on while code of an OS thread that it does not control runs here; else None."""
    return _active if _active is not None and get_ident() != _ident else None
