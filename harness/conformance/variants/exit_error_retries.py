"""Tries a job again whose client raised when it was left, after the commit, as dlt 1.31.0 does."""

from __future__ import annotations

from refimpl.errors import TerminalError
from refimpl.job import Client, Outcome, RunnableLoadJob

BREAKS = "C10"
SCENARIO = "client-raises-leave-transient"
IMPLIED = ()


class Job(RunnableLoadJob):
    """The data is in, the connection did not close, and the data goes in once more."""

    def attempt_run(self, client: Client) -> Outcome:
        """An error is an error, wherever it comes from."""
        try:
            with client() as self.client:
                self.run()
        except BaseException as error:
            self._exception = error
            raises = None if isinstance(error, Exception) else error
            return Outcome("failed" if isinstance(error, TerminalError) else "retry", raises)
        return Outcome("completed")
