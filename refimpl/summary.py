"""What a run of the loader did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from refimpl.package import Repair


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended."""

    load_id: str
    job_id: str
    table: str
    state: str  # one of package.TERMINAL
    rows: int = 0
    attempts: int = 0  # in this run; 0: it had ended in an earlier one
    message: str = ""  # of a failed job: its error with the traceback
    warning: str = ""  # its data is in, but its connection did not close properly

    @property
    def error(self) -> str:
        """The last line of the message, without the name of the exception where that says nothing."""
        return self.message.strip().rpartition("\n")[2].removeprefix("refimpl.errors.TerminalError: ")


@dataclass(frozen=True)
class LoadSummary:
    """What a run did: the packages that it finished, and what became of each job in them."""

    load_ids: tuple[str, ...] = ()
    jobs: tuple[JobResult, ...] = ()  # in the order of the manifests
    repairs: tuple[Repair, ...] = ()

    @property
    def by_state(self) -> dict[str, int]:
        """The number of jobs by state."""
        return dict(Counter(job.state for job in self.jobs))

    @property
    def repaired(self) -> dict[str, int]:
        """The number of repairs by kind."""
        return dict(Counter(repair.kind for repair in self.repairs))

    @property
    def rows(self) -> int:
        """The rows of all completed jobs."""
        return sum(job.rows for job in self.jobs)

    @property
    def attempts(self) -> int:
        """How often a job was run."""
        return sum(job.attempts for job in self.jobs)

    @property
    def resumed(self) -> int:
        """The jobs that had ended in an earlier run."""
        return sum(job.attempts == 0 for job in self.jobs)

    @property
    def failed(self) -> tuple[JobResult, ...]:
        """The jobs that failed terminally."""
        return tuple(job for job in self.jobs if job.state == "failed")

    def __add__(self, other: LoadSummary) -> LoadSummary:
        return LoadSummary(self.load_ids + other.load_ids, self.jobs + other.jobs, self.repairs + other.repairs)
