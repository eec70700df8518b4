"""A destination in memory whose jobs do what a test says, and short ways to make a package of such jobs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from refimpl.destinations.base import Destination
from refimpl.destinations.ledger import LedgerDestination, LedgerJob, LedgerRow
from refimpl.errors import Fenced
from refimpl.job import RunnableLoadJob
from refimpl.package import Evidence, JobSpec, Lease, NewJob
from refimpl.storage import PackageStorage


def ok(job: ScriptedJob) -> None:
    """Commit."""


def fails(error: BaseException) -> Callable[[ScriptedJob], None]:
    """Raise `error` instead of committing."""

    def behave(job: ScriptedJob) -> None:
        raise error

    return behave


def fails_times(count: int, error: Exception) -> Callable[[ScriptedJob], None]:
    """Raise `error` in the first `count` attempts."""

    def behave(job: ScriptedJob) -> None:
        if job.attempt <= count:
            raise error

    return behave


class ScriptedJob(RunnableLoadJob):
    def __init__(self, spec: JobSpec, destination: MemoryDestination) -> None:
        super().__init__(spec)
        self.destination = destination

    def run(self) -> None:
        self.destination.behaviour.get(self.job_id, ok)(self)
        self.destination.commits.append(self.job_id)
        self.rows = 1


class MemoryDestination(Destination):
    def __init__(self, **behaviour: Callable[[ScriptedJob], None]) -> None:
        self.behaviour = behaviour
        self.commits: list[str] = []
        self.loads: list[str] = []
        self.threads: set[int] = set()

    @contextlib.contextmanager
    def client(self) -> Iterator[None]:
        self.threads.add(threading.get_ident())
        yield

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        return ScriptedJob(spec, self)

    def complete_load(self, load_id: str) -> None:
        if load_id not in self.loads:
            self.loads.append(load_id)

    def is_loaded(self, load_id: str) -> bool:
        return load_id in self.loads


class MemorySession:
    """A transaction on a `LedgerMemory`: staged here, applied by `commit`."""

    def __init__(self, destination: LedgerMemory) -> None:
        self.destination = destination
        self.lease = Lease("")
        self.staged: list[tuple[str, Evidence]] = []
        self.written: list[str] = []

    def begin(self, lease: Lease) -> None:
        self.lease, self.staged, self.written = lease, [], []
        self._fence()

    def write(self, job: LedgerJob) -> int:
        self.destination.behaviour.get(job.job_id, ok)(job)  # type: ignore[arg-type]
        self.written.append(job.job_id)
        return 1

    def add(self, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
        if row.job_id in self.destination.rows:
            return False
        self.staged.append((row.job_id, Evidence(row.status, row.message, row.rows, tuple(follow_ups), row.checksum)))
        return True

    def commit(self) -> None:
        faults = [self.destination.commit_faults.pop(job, "") for job, _ in self.staged]
        if "lost" in faults:
            raise ConnectionResetError("before the commit")
        with self.destination.lock:
            self._fence()
            self.destination.rows.update(self.staged)
            self.destination.commits += self.written
        if "unanswered" in faults:
            raise ConnectionResetError("after the commit")

    def roll_back(self) -> None:
        self.staged, self.written = [], []

    def _fence(self) -> None:
        if self.lease.epoch != self.destination.epoch:
            raise Fenced("taken over")


class LedgerMemory(LedgerDestination):
    """A database in memory: a ledger, leases, and commits that can be made to fail."""

    def __init__(self, **behaviour: Callable[[ScriptedJob], None]) -> None:
        self.behaviour = behaviour
        self.lock = threading.Lock()
        self.epoch = 0
        self.commit_faults: dict[str, str] = {}  # by job: its next commit is "lost", or done and "unanswered"
        self.rows: dict[str, Evidence] = {}
        self.commits: list[str] = []
        self.loads: list[str] = []

    @contextlib.contextmanager
    def client(self) -> Iterator[MemorySession]:
        yield MemorySession(self)

    def acquire(self, load_id: str, owner: str) -> Lease:
        with self.lock:
            self.epoch += 1
            return Lease(load_id, self.epoch)

    def ledger(self, load_id: str) -> dict[str, Evidence]:
        return dict(self.rows)

    def complete_load(self, load_id: str) -> None:
        if load_id not in self.loads:
            self.loads.append(load_id)

    def is_loaded(self, load_id: str) -> bool:
        return load_id in self.loads


def package(root: Path, *job_ids: str, load_id: str = "load-1") -> PackageStorage:
    """A storage under `root` with one package of jobs that have no files."""
    storage = PackageStorage(root, "process")
    storage.create_package(load_id, [NewJob(job_id) for job_id in job_ids])
    return storage


def marker_path(storage: PackageStorage, job_id: str, load_id: str = "load-1") -> Path:
    return Path(storage.path("normalized", load_id, ".pending_transitions", job_id))


def files_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
