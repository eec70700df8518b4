"""dlt in the harness's terms: a `World` over the driver."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

from ....errors import UsageError
from ...adapter import Layout, Shared
from ...plan import CONSTRUCTOR, ENTER, LEAVE, PREPARE
from ...scenario import Scenario
from ...script import Script
from . import driver
from .disk import LOAD_ID, MARKERS, TABLE, Package, create_package, file_name, parse_file_name
from .pins import pinned

OLDEST, NEWEST = (1, 25), (1, 31)
"""Releases that the driver fits, by major and minor number; 1.24 has no markers."""
REQUIREMENT = f"dlt>={OLDEST[0]}.{OLDEST[1]},<{NEWEST[0]}.{NEWEST[1] + 1}"


class DltWorld:
    """The installed, unchanged dlt loader on a sandbox, with a destination that the scenario's script plays."""

    def __init__(self, scenario: Scenario, root: str) -> None:
        self._scenario = scenario
        self._root = root
        self._jobs = tuple(job.name for job in scenario.jobs)
        self._known = set(self._jobs)
        self._package = Package(root, LOAD_ID)
        self._markers = f"normalized/{LOAD_ID}/{MARKERS}/{TABLE}."
        self.layout = Layout(f"normalized/{LOAD_ID}", f"loaded/{LOAD_ID}", self._marked)
        self.script = Script(scenario, driver.terminal_error, driver.transient_error)
        self._destination = driver.Destination(lambda name, _attempt: self.script.run(name), self._hooks())
        self._pins = ExitStack()
        self.reports = driver.reports()

    def _marked(self, path: str) -> str | None:
        """The job whose marker is at this path. The attempt is part of the file's name."""
        if not path.startswith(self._markers):
            return None
        name, attempt = parse_file_name(path.rpartition("/")[2])
        return name if name in self._known and path.endswith(file_name(name, attempt)) else None

    def _hooks(self) -> driver.Hooks:
        script = self.script
        return driver.Hooks(
            client=lambda name: script.at(CONSTRUCTOR, name),
            enter=lambda name: script.at(ENTER, name),
            leave=lambda name: script.at(LEAVE, name),
            create_job=lambda name, _attempt: script.make(name),
            managed=script.managed,
            callback=script.callback,
            update_schema=lambda: script.at(PREPARE),
            complete_load=script.record,
        )

    def shared(self) -> Sequence[Shared]:
        """State, finish time and error of a job, by the job's name."""
        return tuple(Shared(owner, names, _label) for owner, names in driver.shared_attributes())

    def prepare(self) -> None:
        """Imports, caches, and the package as `normalize` leaves it."""
        driver.warm_up(self._jobs)

    def close(self) -> None:
        """Give dlt its chances back."""
        self._pins.close()

    def lay_down(self) -> None:
        """A normalized package with a file for each job, and a destination that knows nothing yet."""
        self._pins.close()
        self.script.reset()
        self._destination.forget()
        create_package(self._root, self._jobs)

    def run(self) -> object:
        """What a pipeline does in its load step.

        Chance stays pinned after it: dlt gives up waiting for its workers after two seconds, and what one of them does
        then belongs to this execution still.
        """
        self._pins.enter_context(pinned())
        workers = self._scenario.workers
        pool: driver.Pool = "thread" if workers else "none"
        return driver.make_loader(
            self._root, LOAD_ID, self._destination, workers, pool, raise_on_failed_jobs=self._scenario.raise_on_failed
        ).run()

    def job(self, name: str) -> Any:
        """The current job object."""
        return self._destination.jobs.get(name)

    def _attempt(self, name: str) -> int:
        job = self.job(name)
        return 0 if job is None else parse_file_name(vars(job)["_file_name"])[1]

    def evidence(self, name: str) -> bool:
        """The job's file put away, or a valid marker of the current attempt."""
        return self._package.evidence(name, self._attempt(name)) is not None

    def marker(self, name: str) -> bool:
        """A valid marker of the current attempt."""
        return self._package.marker(name, self._attempt(name)) is not None


def _label(job: Any) -> str:
    return parse_file_name(vars(job)["_file_name"])[0]


class Dlt:
    """``dlt``: the release that is installed.

    Raises:
        UsageError: none is, or one that the driver does not fit.
    """

    name = "dlt"
    breaks = ""
    scenario = ""

    def __init__(self) -> None:
        self.version = _supported_version()

    def world(self, scenario: Scenario, root: str) -> DltWorld:
        """The loader on a sandbox."""
        return DltWorld(scenario, root)


def _supported_version() -> str:
    command = f"pip install '{REQUIREMENT}'"
    try:
        found = installed_version("dlt")
    except PackageNotFoundError:
        raise UsageError(f"dlt is not installed; {command}") from None
    release: tuple[int, ...] = ()
    with suppress(ValueError):
        release = tuple(int(part) for part in found.split(".")[:2])
    if not OLDEST <= release <= NEWEST:
        span = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
        raise UsageError(f"dlt {found} is installed and this adapter drives {span}; {command}")
    return found
