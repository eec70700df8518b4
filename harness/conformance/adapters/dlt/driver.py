"""Drives the released, unchanged dlt loader: its package storage, its `Load`, its jobs, on a destination of ours.

One file serves dlt 1.25 to 1.31. Nothing of dlt is rewritten: a destination client and a job class are plugged in
where dlt lets anybody plug them in, and the run goes through `run_pool`, as it does in a pipeline. dlt is an optional
extra, so it is imported inside functions only.

    Prepare (once, outside any execution)   `warm_up(["a", "b"])`
    For one execution                       `with pinned(): ...` around everything below
        `create_package(root, ["a", "b"])`  a normalized package, as `normalize` leaves it
        `destination = Destination(on_run)` our destination; outlives restarts
        `make_loader(root, ...).run()`      one life of the loader; a new loader on the same root is a restart
    Observe                                 `Package(root)` reads the disk, `state_of(job)` a job object

Observation goes through functions of `os` bound when this module was imported, and through instance dictionaries:
it makes no step where those are under control.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

from .disk import (
    FORMAT,
    LOAD_ID,
    TABLE,
    JobName,
    Package,
    create_package,
    file_name,
    job_id,
    normalise,
    parse_file_name,
    prepare_package,
)
from .pins import module as _dlt
from .pins import pinned

__all__ = [
    "FORMAT",
    "LOAD_ID",
    "TABLE",
    "Destination",
    "Hooks",
    "Loader",
    "Package",
    "create_package",
    "file_name",
    "finished_at",
    "job_id",
    "make_loader",
    "normalise",
    "parse_file_name",
    "pinned",
    "real_locks",
    "shared_attributes",
    "state_of",
    "terminal_error",
    "transient_error",
    "version",
    "warm_up",
]

OnRun = Callable[[JobName, int], object]
Pool = Literal["thread", "none"]


def version() -> str:
    """The installed version of dlt."""
    return str(_dlt("dlt.version").__version__)


def _nothing(*_: object) -> None:
    return None


def _as_it_is(_: JobName, callback: Callable[..., Any]) -> Callable[..., Any]:
    return callback


@dataclass
class Hooks:
    """What a scenario makes the destination do beside running jobs. Each may raise; those of a client know its job."""

    client: Callable[[JobName], object] = _nothing
    """The constructor of a worker's client."""
    enter: Callable[[JobName], object] = _nothing
    """Its `__enter__`."""
    leave: Callable[[JobName], object] = _nothing
    """Its `__exit__`."""
    create_job: Callable[[JobName, int], object] = _nothing
    """The job's constructor, in the loader; called with name and attempt."""
    managed: Callable[[JobName], AbstractContextManager[None]] = lambda _: nullcontext()
    """Stands around `run_managed`."""
    callback: Callable[[JobName, Callable[..., Any]], Callable[..., Any]] = _as_it_is
    """What stands for the callback that saves the pending transition."""
    update_schema: Callable[[], object] = _nothing
    complete_load: Callable[[str], object] = _nothing
    """The package's row at the destination; called with the load id."""


def _job_of_worker() -> JobName | None:
    """The job for which a worker makes a client: dlt does not tell the client, but its caller knows."""
    frame = sys._getframe(2)
    for _ in range(12):
        if frame.f_code.co_name == "w_run_job":
            return parse_file_name(frame.f_locals["job"].file_name())[0]
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None


class _Client:
    """The part of a destination client that is ours; mixed into dlt's `JobClientBase`."""

    loom: Destination

    def __init__(self, schema: object, config: object, capabilities: object) -> None:
        super().__init__(schema, config, capabilities)  # type: ignore[call-arg]
        self.loom_job = _job_of_worker()
        if self.loom_job is not None:
            self.loom.hooks.client(self.loom_job)

    def __enter__(self) -> _Client:
        if self.loom_job is not None:
            self.loom.hooks.enter(self.loom_job)
        return self

    def __exit__(self, *_: object) -> None:
        if self.loom_job is not None:
            self.loom.hooks.leave(self.loom_job)

    def initialize_storage(self, truncate_tables: object = None) -> None: ...

    def is_storage_initialized(self) -> bool:
        return True

    def drop_storage(self) -> None: ...

    def verify_schema(self, only_tables: object = None, new_jobs: object = None) -> list[object]:
        return []

    def update_stored_schema(
        self, only_tables: object = None, expected_update: object = None, force: bool = False
    ) -> object:
        self.loom.hooks.update_schema()
        return expected_update

    def prepare_load_table(self, table_name: str) -> dict[str, object]:
        return {"name": table_name, "write_disposition": "append", "columns": {}}

    def create_load_job(self, table: object, file_path: str, load_id: str, restore: bool = False) -> object:
        name, attempt = parse_file_name(os.path.basename(file_path))
        self.loom.hooks.create_job(name, attempt)
        job = self.loom.job_class(file_path)
        self.loom.jobs[name] = job
        self.loom.history.append((name, attempt, restore))
        return job

    def prepare_load_job_execution(self, job: object) -> None: ...

    def complete_load(self, load_id: str) -> None:
        self.loom.hooks.complete_load(load_id)
        self.loom.loads.append(load_id)


class _Job:
    """The part of a load job that is ours; mixed into dlt's `RunnableLoadJob`."""

    loom: Destination

    def run_managed(self, job_client: object, done_event: object, /) -> None:
        name = parse_file_name(self.file_name())[0]  # type: ignore[attr-defined]
        self._on_completed = self.loom.hooks.callback(name, self._on_completed)  # type: ignore[has-type]
        with self.loom.hooks.managed(name):
            super().run_managed(job_client, done_event)  # type: ignore[misc]

    def run(self) -> None:
        name, attempt = parse_file_name(self.file_name())  # type: ignore[attr-defined]
        self.loom.on_run(name, attempt)


class _Factory:
    """The part of a destination factory that is ours: no environment, no configuration files are read."""

    loom: Destination

    @property
    def spec(self) -> Any:
        return type(self.loom.config)

    @property
    def client_class(self) -> Any:
        return self.loom.client_class

    @property
    def destination_type(self) -> str:
        return "loadloom"

    def _raw_capabilities(self) -> Any:
        return self.loom.capabilities

    def capabilities(self, config: object = None, naming: object = None) -> Any:
        return self.loom.capabilities

    def configuration(self, initial_config: object, accept_partial: bool = False) -> Any:
        return self.loom.config

    def client(self, schema: object, initial_config: object = None) -> Any:
        return self.loom.client_class(schema, self.loom.config, self.loom.capabilities)


class Destination:
    """A destination which calls `on_run(job, attempt)` where data would be committed, and keeps the job objects.

    What it raises decides the outcome: `terminal_error` fails the job, any other `Exception` makes it retry. One
    object stands for the destination through restarts, so what it counts outlives a loader.
    """

    def __init__(self, on_run: OnRun, hooks: Hooks | None = None) -> None:
        client = _dlt("dlt.common.destination.client")
        reference = _dlt("dlt.common.destination.reference")
        self.on_run = on_run
        self.hooks = hooks or Hooks()
        self.jobs: dict[JobName, Any] = {}
        """The current job object of each name; after a retry or a restart the newest."""
        self.history: list[tuple[JobName, int, bool]] = []
        """Job objects made: name, attempt, and whether it was restored from `started_jobs`."""
        self.loads: list[str] = []
        """Load ids that were recorded as complete."""
        self.config: Any = client.DestinationClientConfiguration()
        self.config.destination_type = self.config.destination_name = "loadloom"
        self.config.resolve()
        self.capabilities: Any = _dlt("dlt.common.destination.capabilities").DestinationCapabilitiesContext()
        self.capabilities.preferred_loader_file_format = FORMAT
        self.capabilities.supported_loader_file_formats = [FORMAT]
        ours = {"loom": self}
        self.client_class: Any = type("LoomClient", (_Client, client.JobClientBase), dict(ours))
        self.job_class: Any = type("LoomJob", (_Job, client.RunnableLoadJob), dict(ours))
        self.factory: Any = type("LoomDestination", (_Factory, reference.Destination), dict(ours))()

    def forget(self) -> None:
        """What it knows of jobs and loads, as if it were new."""
        self.jobs.clear()
        self.history.clear()
        self.loads.clear()


def terminal_error(message: str) -> Exception:
    """What a destination raises when trying again is of no use."""
    error: Exception = _dlt("dlt.common.destination.exceptions").DestinationTerminalException(message)
    return error


def transient_error(message: str) -> Exception:
    """What a destination raises when trying again may help."""
    error: Exception = _dlt("dlt.common.destination.exceptions").DestinationTransientException(message)
    return error


def reports() -> tuple[type[BaseException], ...]:
    """What dlt raises to say that jobs have failed."""
    errors = _dlt("dlt.load.exceptions")
    names = ("LoadClientJobException", "LoadPackageAborted")
    return tuple(getattr(errors, name) for name in names if hasattr(errors, name))


@dataclass
class Loader:
    """One life of dlt's loader on one storage. `run` is what a pipeline does in its load step."""

    root: str
    load_id: str
    destination: Destination
    load: Any
    config: Any
    package: Package = field(init=False)

    def __post_init__(self) -> None:
        self.package = Package(self.root, self.load_id)

    def run(self) -> int:
        """Loads until nothing is pending; returns the number of rounds, raises what dlt raises."""
        rounds: int = _dlt("dlt.common.runners.pool_runner").run_pool(self.config, self.load)
        return rounds

    def job(self, job: JobName) -> Any:
        """The current job object of a name, or None before it was created."""
        return self.destination.jobs.get(job)

    def attempt(self, job: JobName) -> int:
        """The current attempt of a job, counting from 0."""
        current = self.job(job)
        return 0 if current is None else parse_file_name(vars(current)["_file_name"])[1]

    def marker_path(self, job: JobName) -> str:
        """Where the marker of the current attempt of a job goes."""
        return self.package.marker_path(job, self.attempt(job))

    def evidence(self, job: JobName) -> str | None:
        """What a restart would take for the outcome of the job's current attempt."""
        return self.package.evidence(job, self.attempt(job))

    def consumed(self, job: JobName) -> bool:
        """Whether the loader acted on the outcome of the job's current attempt."""
        return self.package.consumed(job, self.attempt(job))

    def package_location(self) -> str | None:
        """`normalized`, `loaded`, `both` or None."""
        return self.package.location()


def make_loader(
    root: str | os.PathLike[str],
    load_id: str,
    destination: Destination,
    workers: int = 2,
    pool: Pool = "thread",
    *,
    raise_on_failed_jobs: bool = False,
    raise_on_max_retries: int = 5,
) -> Loader:
    """dlt's `Load` on the storage below `root`; call it where the locks it makes are to be under control.

    `pool="none"` is dlt's single-threaded path, where `workers` does not count. A pool with one job at a time is a
    destination that allows no more: dlt makes no pool for one worker.
    """
    base = os.path.realpath(root)
    storage_config = _dlt("dlt.common.storages.configuration").LoadStorageConfiguration()
    storage_config.load_volume_path = base
    storage_config.resolve()
    config = _dlt("dlt.load.configuration").LoaderConfiguration()
    config.workers = 1 if pool == "none" else max(2, workers)
    destination.capabilities.max_parallel_load_jobs = 1 if workers == 1 else None
    config.raise_on_failed_jobs = raise_on_failed_jobs
    config.raise_on_max_retries = raise_on_max_retries
    config._load_storage_config = storage_config
    config.resolve()  # a resolved configuration is taken as it is: nothing is looked up anywhere
    load = _dlt("dlt.load.load").Load(
        destination.factory, config=config, initial_client_config=destination.config, is_storage_owner=False
    )
    return Loader(base, load_id, destination, load, config)


def state_of(job: Any) -> str | None:
    """The published state of a job object, read without touching it: ready, running, completed, failed, retry."""
    state = vars(job).get("_state")
    return None if state is None else str(state)


def finished_at(job: Any) -> object:
    """When the job object says it finished; None before."""
    return vars(job).get("_finished_at")


def shared_attributes() -> list[tuple[type, tuple[str, ...]]]:
    """Attributes through which the loader and a worker talk, by the class whose accesses are to become steps."""
    client = _dlt("dlt.common.destination.client")
    return [(client.RunnableLoadJob, ("_state", "_finished_at", "_exception"))]


def real_locks() -> list[tuple[object, str]]:
    """Where dlt keeps locks and events that it made on import: owner and attribute."""
    container = _dlt("dlt.common.configuration.container").Container
    return [(_dlt("dlt.common.runtime.signals"), "exit_event"), (container, "_LOCK")]


def warm_up(jobs: Sequence[JobName] = ("a", "b"), load_id: str = LOAD_ID) -> None:
    """Runs one package with real threads and one without, so that imports and caches are behind us.

    The package of `jobs` is prepared too, so that `create_package` makes no step when it lays it down.
    """
    prepare_package(jobs, load_id)

    def on_run(job: JobName, attempt: int) -> None:
        if job == "b":
            raise terminal_error("warm-up")
        if attempt == 0:
            raise transient_error("warm-up")

    pools: tuple[Pool, ...] = ("thread", "none")
    for pool in pools:
        with pinned(), tempfile.TemporaryDirectory() as root:
            create_package(root, ["a", "b"])
            loader = make_loader(root, LOAD_ID, Destination(on_run), pool=pool)
            loader.load._run_loop_sleep_duration = 0.01
            loader.run()
