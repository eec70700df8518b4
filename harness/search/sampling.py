"""Strategies that sample: for what is too big to finish. A clean run proves nothing."""

from __future__ import annotations

import random

from ..runtime import ChoicePoint, Execution


class Random:
    """A random walk: every option of every choice is as likely as the next.

    Args:
        executions: how many to run.
        seed: the same seed runs the same schedules.
    """

    def __init__(self, executions: int = 1000, seed: int = 0) -> None:
        self.complete = False
        self.executions = executions
        self.seed = seed
        self.bounds = f"sampled {executions} random schedules, seed {seed}"
        self._run = 0
        self._random = random.Random()

    def start(self) -> bool:
        """Seed the next execution by its number, so that it does not depend on those before."""
        if self._run >= self.executions:
            return False
        self._random.seed(f"{self.seed}/{self._run}")
        self._run += 1
        return True

    def choose(self, point: ChoicePoint) -> int:
        """Any option."""
        return self._random.randrange(len(point.options))

    def finish(self, execution: Execution) -> None:
        """Nothing to learn."""
