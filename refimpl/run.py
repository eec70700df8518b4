"""The loader's notes on one package while it runs it. Only the loader's thread changes them."""

from __future__ import annotations

import concurrent.futures
import heapq
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from refimpl.job import RunnableLoadJob
from refimpl.package import JobSpec, Lease, Manifest, Repair
from refimpl.summary import JobResult

_LARGEST = 64  # jobs in a batch


@dataclass(eq=False)
class Batch:
    """Jobs that a worker runs one after the other; mostly one."""

    jobs: list[RunnableLoadJob]
    future: concurrent.futures.Future[None] | None = None  # None: run on the spot
    ended: int = 0  # how many of them the loader has taken over
    errors: dict[str, BaseException] = field(default_factory=dict)  # what each raised; written by the worker

    def is_through(self) -> bool:
        """Whether no worker is at it any more."""
        return self.future is None or self.future.done()


@dataclass(frozen=True)
class Backoff:
    """How long a job waits for its next attempt: `first` seconds, then `factor` times as long, up to `longest`."""

    first: float = 0.1
    factor: float = 2.0
    longest: float = 30.0

    def before(self, attempt: int) -> float:
        """Seconds to wait before the given attempt, from 2."""
        return min(self.first * self.factor ** (attempt - 2), self.longest)


@dataclass
class PackageRun:
    """One package, being run."""

    manifest: Manifest
    done_event: threading.BoundedSemaphore
    lease: Lease
    waiting: deque[tuple[JobSpec, int]] = field(default_factory=deque)  # (job, number of the attempt to come)
    delayed: list[tuple[float, int, JobSpec, int]] = field(default_factory=list)  # a heap: (due, count, job, attempt)
    running: list[Batch] = field(default_factory=list)
    results: dict[str, JobResult] = field(default_factory=dict)  # terminal with evidence
    followed: dict[str, tuple[JobSpec, ...]] = field(default_factory=dict)  # by parent, which is in `results`
    errors: dict[str, BaseException] = field(default_factory=dict)  # why a job is neither: raised at the end
    leaving: deque[Batch] = field(default_factory=deque)  # published; the worker may still be on its way out
    repairs: list[Repair] = field(default_factory=list)
    halted: bool = False  # nothing more is to be started; workers read it between two jobs
    aborted: str = ""  # why what has not run is not to run at all
    delays: int = 0

    @property
    def load_id(self) -> str:
        """The package's name."""
        return self.manifest.load_id

    def jobs(self) -> Iterator[JobSpec]:
        """Every job in the manifest's order, each followed by those that came of it."""
        for root in self.manifest.jobs:
            yield root
            if self.followed:
                pending = list(reversed(self.followed.get(root.job_id, ())))
                while pending:
                    spec = pending.pop()
                    yield spec
                    pending.extend(reversed(self.followed.get(spec.job_id, ())))

    def delay(self, spec: JobSpec, attempt: int, seconds: float) -> None:
        """Have an attempt wait."""
        if seconds <= 0:
            self.waiting.append((spec, attempt))
        else:
            self.delays += 1
            heapq.heappush(self.delayed, (time.monotonic() + seconds, self.delays, spec, attempt))

    def release_due(self) -> None:
        """Let those attempts go ahead whose time has come."""
        while self.delayed and self.delayed[0][0] <= time.monotonic():
            _, _, spec, attempt = heapq.heappop(self.delayed)
            self.waiting.append((spec, attempt))

    def until_due(self) -> float | None:
        """Seconds until the next delayed attempt; None when there is none."""
        return max(self.delayed[0][0] - time.monotonic(), 0.0) if self.delayed else None

    def take(self, workers: int) -> list[tuple[JobSpec, int]]:
        """What one of so many workers is to do next.

        Guided self-scheduling: a small share of what is left, so that many small jobs cost few hand-overs, and one by
        one towards the end, so that no worker is left with a heap. A function of the counts alone, never of the clock.
        """
        size = min(max(len(self.waiting) // (4 * workers), 1), _LARGEST) if workers else 1
        return [self.waiting.popleft() for _ in range(size)]

    def first_error(self) -> BaseException | None:
        """The error of the job that comes first: the same one in whatever order they ended (C12)."""
        if self.errors:
            for spec in self.jobs():
                if spec.job_id in self.errors:
                    return self.errors[spec.job_id]
        return None
