"""Writes its metrics into the package after the state is published and the loader woken."""

from __future__ import annotations

import inspect
import os

from refimpl.job import Callback, DoneEvent, Outcome, RunnableLoadJob
from refimpl.storage import MARKERS

BREAKS = "C4"
SCENARIO = "shared-wakeup"
IMPLIED = ("C12", "run")


class Job(RunnableLoadJob):
    """The package may have been renamed by then."""

    def conclude(self, outcome: Outcome, done_event: DoneEvent, callback: Callback) -> Outcome:
        """One more file, too late."""
        outcome = super().conclude(outcome, done_event, callback)
        storage = inspect.unwrap(callback).__self__.storage
        path = os.path.join(storage.path("normalized", self.load_id), MARKERS, f"{self.job_id}.metrics")
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(str(self.rows))
        except OSError:
            pass
        return outcome
