"""What the strategies that sample have in common: how many, from which seed, and what a clean run may claim."""

from __future__ import annotations

import random

from ..runtime import ChoicePoint, Execution


class Sampling:
    """Runs a number of schedules, each drawn by chance. A strategy's base.

    A clean run proves nothing, so it is not `complete` unless the caller accepts samples by name.

    Args:
        executions: how many to run.
        seed: the same seed runs the same schedules, on every version of Python.
        accepted: whether the caller takes that many samples for an answer.

    Attributes:
        run: the number of the present execution, counting from 1.
    """

    def __init__(self, executions: int = 1000, seed: int = 0, accepted: bool = False) -> None:
        self.complete = False
        self.bounds = ""
        self.executions = executions
        self.seed = seed
        self.run = 0
        self._accepted = accepted
        self._random = random.Random()

    def start(self) -> bool:
        """Seed the next execution by its number, so that it does not depend on those before."""
        if self.run >= self.executions:
            self.complete = self._accepted
            return False
        self._random.seed(f"{self.seed}/{self.run}")
        self.run += 1
        self.bounds = f"sampled {self._what()}, seed {self.seed}"
        return True

    def choose(self, point: ChoicePoint) -> int:
        """Any option."""
        return self.any_of(len(point.options))

    def finish(self, execution: Execution) -> None:
        """Nothing to learn."""

    def any_of(self, count: int) -> int:
        """A number below ``count``, each as likely as the next."""
        return int(self._random.random() * count)  # of `random`'s methods only this one is the same for ever

    def _what(self) -> str:
        """What was sampled, for people: ``7 random schedules``."""
        raise NotImplementedError
