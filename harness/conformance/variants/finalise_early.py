"""Ends the package as soon as nothing waits, though jobs may still run."""

from __future__ import annotations

from refimpl.loader import Loader as _Loader
from refimpl.loader import PackageRun

BREAKS = "C5"
SCENARIO = "shared-wakeup"
IMPLIED = ("C4", "C12", "run")


class Loader(_Loader):
    """Takes "every job was started and one has ended" for "every job has ended"."""

    def may_finalise(self, run: PackageRun) -> bool:
        """Forgets the running jobs once one has ended."""
        return not run.waiting and (bool(run.results) or not run.running)
