"""Calls back once more where the first call raised."""

from __future__ import annotations

from refimpl.job import Callback, JobState, LoadJob, Outcome, RunnableLoadJob

BREAKS = "C10"
SCENARIO = "callback-raises-called-error"
IMPLIED = ()


class Job(RunnableLoadJob):
    """The marker may have been written before the error; whoever counts callbacks counts two."""

    def record(self, outcome: Outcome, callback: Callback) -> Outcome:
        """Twice is safer."""

        def insistent(job: LoadJob, state: JobState) -> None:
            try:
                callback(job, state)
            except OSError:
                callback(job, state)

        return super().record(outcome, insistent)
