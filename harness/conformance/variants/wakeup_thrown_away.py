"""Throws away what woke it before it sleeps, as in "clear the event, then wait"."""

from __future__ import annotations

from refimpl.loader import Loader as _Loader
from refimpl.loader import PackageRun

BREAKS = "C11"
SCENARIO = "shared-wakeup"
IMPLIED = ()


class Loader(_Loader):
    """A job that ended between the last look and the sleep is found a poll later."""

    def wait(self, run: PackageRun) -> bool:
        """Begin with a clean slate."""
        run.done_event.acquire(blocking=False)
        return super().wait(run)
