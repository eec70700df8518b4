"""The random walk: at every choice any option, each as likely as the next."""

from __future__ import annotations

from .sampling import Sampling


class Random(Sampling):
    """A random walk. It has no guarantee: schedules in which one task runs far ahead are hardly ever seen."""

    def _what(self) -> str:
        return f"{self.run} random schedule{'' if self.run == 1 else 's'}"
