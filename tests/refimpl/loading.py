"""A destination in memory whose jobs do what a test says, and short ways to make a package of such jobs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from refimpl.destinations.base import Destination
from refimpl.job import RunnableLoadJob
from refimpl.package import Evidence, JobSpec, NewJob
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
        self.destination.rows[self.job_id] = Evidence("completed", rows=1)
        self.rows = 1

    def record_failure(self, message: str) -> None:
        self.destination.rows[self.job_id] = Evidence("failed", message)


class MemoryDestination(Destination):
    def __init__(self, *, has_ledger: bool = False, **behaviour: Callable[[ScriptedJob], None]) -> None:
        self.has_ledger = has_ledger
        self.behaviour = behaviour
        self.commits: list[str] = []
        self.rows: dict[str, Evidence] = {}
        self.loads: list[str] = []
        self.threads: set[int] = set()

    @contextlib.contextmanager
    def client(self) -> Iterator[None]:
        self.threads.add(threading.get_ident())
        yield

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        return ScriptedJob(spec, self)

    def ledger(self, load_id: str) -> dict[str, Evidence]:
        return self.rows

    def complete_load(self, load_id: str) -> None:
        if load_id not in self.loads:
            self.loads.append(load_id)

    def is_loaded(self, load_id: str) -> bool:
        return load_id in self.loads


def package(root: Path, *job_ids: str, load_id: str = "load-1") -> PackageStorage:
    """A storage under `root` with one package of jobs that have no files."""
    storage = PackageStorage(root)
    storage.create_package(load_id, [NewJob(job_id) for job_id in job_ids])
    return storage


def marker_path(storage: PackageStorage, job_id: str, load_id: str = "load-1") -> Path:
    return Path(storage.path("normalized", load_id, ".pending_transitions", job_id))


def files_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
