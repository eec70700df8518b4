"""The reference loader and its variants, on a destination of ours."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Sequence
from typing import Any

import refimpl
from refimpl.destinations.ledger import LedgerJob
from refimpl.errors import JobsFailed, RetriesExhausted, TerminalError
from refimpl.job import Callback, Client, DoneEvent, LoadJob, RunnableLoadJob
from refimpl.loader import Loader, PackageRun
from refimpl.package import JobSpec, NewJob
from refimpl.storage import MARKERS, PackageStorage

from ...errors import UsageError
from .. import variants as variant_package
from ..adapter import Layout, Shared
from ..scenario import Scenario
from ..script import Script
from .scripted import KeepingDestination, PlainDestination, PlainJob, Watched

LOAD_ID = "1"


def _watching(base: type[Loader]) -> type[Loader]:
    """The loader, with every job that it makes known to the adapter."""

    class Watching(base):  # type: ignore[misc, valid-type]
        def make_job(self, run: PackageRun, spec: JobSpec, attempt: int) -> RunnableLoadJob:
            job: RunnableLoadJob = super().make_job(run, spec, attempt)
            self.destination.jobs[spec.job_id] = job
            if not isinstance(job, Watched):  # one that the destination could not make
                script, managed = self.destination.script, job.run_managed

                def run_managed(client: Client, done_event: DoneEvent, callback: Callback) -> None:
                    with script.managed(spec.job_id):
                        managed(client, done_event, script.callback(spec.job_id, callback))

                vars(job)["run_managed"] = run_managed
            return job

    return Watching


class RefimplWorld:
    """The reference loader on a sandbox."""

    reports = (JobsFailed, RetriesExhausted)

    def __init__(self, scenario: Scenario, root: str, variant: Any = None) -> None:
        self._scenario = scenario
        self._root = root
        self.script = Script(scenario, TerminalError, RuntimeError)
        self._kind: Any = KeepingDestination if scenario.ledger else PlainDestination
        bases = (Watched, getattr(variant, "Job", None), LedgerJob if scenario.ledger else PlainJob)
        self._job_class: Any = type("Job", tuple(b for b in bases if b is not None), {"script": self.script})
        self._loader_class = _watching(getattr(variant, "Loader", Loader))
        self._destination: PlainDestination | KeepingDestination = self._kind(self._job_class, self.script)
        markers = f"normalized/{LOAD_ID}/{MARKERS}/"
        names = {f"{markers}{job.name}": job.name for job in scenario.jobs}
        self.layout = Layout(f"normalized/{LOAD_ID}", f"loaded/{LOAD_ID}", names.get)

    def shared(self) -> Sequence[Shared]:
        """State, finish time and error of a job, and what tells workers to stop."""
        return (
            Shared(LoadJob, ("_state", "_finished_at", "_exception"), lambda job: str(job.spec.job_id)),
            Shared(PackageRun, ("halted",), lambda run: f"run of {run.load_id}"),
            Shared(Loader, ("_stopping",), lambda _: "loader"),
        )

    def prepare(self) -> None:
        """Nothing to warm up."""

    def close(self) -> None:
        """Nothing to undo."""

    def lay_down(self) -> None:
        """A package with a job for each of the scenario's."""
        self.script.reset()
        self._destination = self._kind(self._job_class, self.script)
        storage = PackageStorage(self._root, "process")
        storage.create_package(LOAD_ID, [NewJob(job.name) for job in self._scenario.jobs])

    def run(self) -> object:
        """As its users do."""
        storage = PackageStorage(self._root, "process")
        plan = self._scenario
        loader = self._loader_class(
            storage, self._destination, workers=plan.workers, raise_on_failed_jobs=plan.raise_on_failed
        )
        return loader.run()

    def job(self, name: str) -> Any:
        """The current job object."""
        return self._destination.jobs.get(name)

    def evidence(self, name: str) -> bool:
        """A row in the ledger; without one a marker, or the package's outcome."""
        if isinstance(self._destination, KeepingDestination):
            return (LOAD_ID, name) in self._destination.rows
        if self.marker(name):
            return True
        storage = PackageStorage(self._root, "process")
        for folder in ("normalized", "loaded"):
            try:
                if storage.read_outcome(storage.manifest(LOAD_ID, folder), folder) is not None:
                    return True
            except Exception:
                continue
        return False

    def marker(self, name: str) -> bool:
        """A whole marker of this job."""
        from refimpl import sealed

        path = os.path.join(self._root, "normalized", LOAD_ID, MARKERS, name)
        try:
            return bool(sealed.read(path)["job"] == name)
        except Exception:
            return False


class Refimpl:
    """``refimpl`` and ``refimpl:VARIANT``."""

    def __init__(self, variant: str = "") -> None:
        self.name = f"refimpl:{variant}" if variant else "refimpl"
        self.version = getattr(refimpl, "__version__", "") or _version()
        self._module = _variant(variant) if variant else None
        self.breaks: str = self._module.BREAKS if self._module else ""
        self.scenario: str = self._module.SCENARIO if self._module else ""

    def world(self, scenario: Scenario, root: str) -> RefimplWorld:
        """The loader on a sandbox."""
        return RefimplWorld(scenario, root, self._module)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("loadloom")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "(not installed)"


def variants() -> dict[str, str]:
    """The variants by name, with what is wrong with each."""
    found = {}
    for info in sorted(pkgutil.iter_modules(variant_package.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"{variant_package.__name__}.{info.name}")
        found[info.name.replace("_", "-")] = (module.__doc__ or "").strip().splitlines()[0]
    return found


def _variant(name: str) -> Any:
    if name not in variants():
        raise UsageError(f"no variant {name!r} of refimpl; there are {', '.join(variants())}")
    return importlib.import_module(f"{variant_package.__name__}.{name.replace('-', '_')}")
