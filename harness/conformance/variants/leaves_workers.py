"""Returns on the first error and leaves its workers at work."""

from __future__ import annotations

import concurrent.futures

from refimpl.claims import Claim
from refimpl.loader import Loader as _Loader
from refimpl.loader import PackageRun
from refimpl.summary import LoadSummary

BREAKS = "C10"
SCENARIO = "first-error-while-others-run"
IMPLIED = ()


class Loader(_Loader):
    """The next run of the package meets the workers of this one."""

    def _load(self, load_id: str, claim: Claim) -> LoadSummary:
        if self.workers == 0:
            return super()._load(load_id, claim)
        executor = concurrent.futures.ThreadPoolExecutor(self.workers, "loadloom")
        try:
            return self._run_with(load_id, claim, executor)
        finally:
            executor.shutdown(wait=False)

    def poll(self, run: PackageRun, woken: bool) -> None:
        """Raises what it finds, at once."""
        super().poll(run, woken)
        error = run.first_error()
        if error is not None:
            raise error

    def quiesce(self, run: PackageRun) -> None:
        """Somebody else's business."""
