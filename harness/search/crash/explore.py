"""Search a program's orders and crash every one of them: what `harness.explore` does with ``recover``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...disk.models import MODELS, PROC, Model, model_named
from ...errors import NondeterminismError, UsageError
from ..explore import Exploration
from ..explore import explore as run_search
from ..replay import Fixed
from ..strategy import Strategy
from .findings import confirm
from .scene import Recording
from .search import CrashSearch

CRASHES = ("process", "power")
DEFAULT_MODEL = "ext4"


def models_for(crash: str, disk_model: str = "") -> tuple[Model, ...]:
    """The models to crash under, the strictest first.

    Args:
        crash: ``process`` or ``power``.
        disk_model: of a power loss: its name, ``all``, or empty for ext4.

    Raises:
        UsageError: there is no such crash or model, or a process crash is to have a disk model.
    """
    if crash not in CRASHES:
        raise UsageError(f"crash={crash!r}: there are {', '.join(CRASHES)}")
    if crash == "process":
        if disk_model not in ("", PROC.name):
            raise UsageError(
                f"a disk model ({disk_model}) says what a power loss leaves; a process that dies leaves what it wrote"
            )
        return (PROC,)
    if disk_model == "all":
        return tuple(MODELS.values())
    return (model_named(disk_model or DEFAULT_MODEL),)


class _Stopping(Recording):
    """Starts no more once recovery was seen to fail."""

    def __init__(self, strategy: Strategy, enough: Callable[[], bool]) -> None:
        super().__init__(strategy)
        self._enough = enough

    def start(self) -> bool:
        """Another, unless it is enough."""
        return not self._enough() and super().start()


def default() -> Strategy:
    """The default schedule."""
    return Fixed(())


def explore_crashes(search: CrashSearch, strategy: Strategy, stop_at_first: bool = True, **how: Any) -> Exploration:
    """Run the orders of a program, crash each, recover, and say what is broken; see `search.explore.explore`."""
    recording = _Stopping(strategy, lambda: stop_at_first and bool(search.broken))
    outcome = run_search(
        search.runner,
        recording,
        stop_at_first=stop_at_first,
        visit=lambda execution: search.visit(execution, recording),
        **how,
    )
    counts = search.finish()
    if search.broken and not strategy.complete:
        outcome.reasons.clear()  # it was not to go on
    for found, failure in search.broken.values():
        try:
            outcome.findings.append(confirm(search, found, failure, default()))
        except NondeterminismError as error:
            outcome.because(str(error))
    for what in search.uncontrolled:
        outcome.because(f"outside our control: {what}")
    outcome.bounds = ", ".join(filter(None, (outcome.bounds, counts.bounds)))
    outcome.interacting = counts.states > 1  # else no crash could make a difference
    return outcome
