"""How far a search is, on a terminal. Nothing in a pipe."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..conformance.scenario import Scenario
from ..search import Dpor
from ..search.explore import Progress

EVERY = 0.1
"""Seconds between two updates."""


class LiveProgress:
    """A `Spectator` with one line: scenario, executions, rate, depth, how much is left, findings. A context manager.

    It has no thread of its own (a thread that we did not start would be outside our control): it is drawn when an
    execution has ended.
    """

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._total = total
        self._number = 0
        self._name = ""
        self._drawn = 0.0

    def __enter__(self) -> LiveProgress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def begins(self, scenario: Scenario) -> None:
        """A scenario is searched now."""
        self._number += 1
        self._name = scenario.name
        self._draw("getting ready")

    def progress(self, progress: Progress) -> None:
        """An execution of it has ended."""
        now = time.monotonic()
        if self._live is None or now - self._drawn < EVERY:
            return
        self._drawn = now
        rate = f", {progress.executions / progress.seconds:.0f}/s" if progress.seconds > EVERY else ""
        found = f", {progress.findings} broken" if progress.findings else ""
        done = progress.done
        left = "" if done is None else f", ~{max(1 - done, 0):.0%} left (estimate)"
        what = "traces" if isinstance(progress.strategy, Dpor) else "executions"
        self._draw(f"{progress.executions} {what}{rate}, {progress.depth} steps deep{left}{found}")

    def says(self, text: str) -> None:
        """Anything else."""
        if self._live is not None:
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)

    def _draw(self, text: str) -> None:
        self.says(f"[{self._number}/{self._total}] {self._name}: {text}")
