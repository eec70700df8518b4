"""`loadloom package`: look at packages, resume, abort and drop them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from refimpl import records, report
from refimpl.claims import standing
from refimpl.command import default_state_dir, run
from refimpl.destinations.base import Destination
from refimpl.destinations.connect import connect, parse
from refimpl.errors import InputError, PackageError, TornError
from refimpl.exits import FAILED, OK, complain, guarded
from refimpl.interrupts import stopping
from refimpl.loader import Loader
from refimpl.package import Evidence, Manifest
from refimpl.storage import CLAIMS, LOADED, MARKERS, NORMALIZED, OUTCOME, PackageStorage, entries
from refimpl.summary import LoadSummary

app = typer.Typer(name="package", no_args_is_help=True, help="Look at packages; resume, abort and drop them.")

To = Annotated[str | None, typer.Option("--to", metavar="URL", help="The destination, as given to load.")]
StateDir = Annotated[str | None, typer.Option(help="Where the packages are. Default: what load takes for --to.")]
Load = Annotated[str, typer.Argument(metavar="LOAD", help="The load's id, or the beginning of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
Workers = Annotated[int, typer.Option(min=0, help="Jobs at once; 0: one at a time, without threads.")]


@dataclass(frozen=True)
class Overview:
    """A package at a glance."""

    load_id: str
    status: str  # unfinished, loaded, aborted, damaged
    jobs: int
    ended: int  # as far as its own directory says; a ledger may know more
    failed: int
    owner: str  # who works on it, or died over it; "" if nobody


@app.command("list")
def list_packages(to: To = None, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """List the packages, unfinished ones first."""

    def act() -> int:
        storage = _storage(to, state_dir)
        found = [_overview(storage, folder, name) for folder, name in _every(storage)]
        if as_json:
            print(json.dumps([asdict(each) for each in found]))
            return OK
        table = Table(box=None, pad_edge=False)
        for name in ("load", "status", "jobs", "ended", "failed", "owner"):
            table.add_column(name, justify="right" if name in ("jobs", "ended", "failed") else "left", no_wrap=True)
        for each in found:
            table.add_row(*(str(value) for value in asdict(each).values()))
        Console().print(table)
        return OK

    raise typer.Exit(guarded(act))


@app.command()
def show(load: Load, to: To = None, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Show the jobs of a package, what became of each, and why the failed ones failed.

    With --to a destination that keeps a ledger is asked; it knows more than the package's own directory.
    """

    def act() -> int:
        storage = _storage(to, state_dir)
        folder, load_id = _find(storage, load)
        manifest = storage.manifest(load_id, folder)
        evidence = _evidence(storage, folder, manifest, to)
        overview = _overview(storage, folder, load_id)
        jobs = [_job(spec.job_id, spec.table, spec.size, spec.origin, evidence) for spec in manifest.jobs]
        jobs += [
            _job(spec.job_id, spec.table, 0, "", evidence)
            for _, found in sorted(evidence.items())
            for spec in found.follow_ups
        ]
        if as_json:
            print(json.dumps({**asdict(overview), "job_list": jobs}))
            return OK
        print(f"load {load_id}: {overview.status}" + (f", {overview.owner}" if overview.owner else ""))
        table = Table(box=None, pad_edge=False)
        for name in ("job", "table", "state", "rows", "bytes"):
            table.add_column(name, justify="right" if name in ("rows", "bytes") else "left", no_wrap=True)
        for job in jobs:
            table.add_row(job["job"], job["table"], job["state"], str(job["rows"]), str(job["bytes"]))
        Console().print(table)
        for job in jobs:
            if job["error"]:
                print(f"{job['job']} failed: {job['error']}")
        return OK

    raise typer.Exit(guarded(act))


@app.command()
def resume(
    load: Load, to: To = None, state_dir: StateDir = None, workers: Workers = 4, as_json: AsJson = False
) -> None:
    """Load what is left of an unfinished package."""

    def work(storage: PackageStorage, destination: Destination, load_id: str) -> LoadSummary:
        return run(storage, destination, load_id, workers)

    raise typer.Exit(guarded(lambda: _carry_out(load, to, state_dir, as_json, "loaded", work)))


@app.command()
def abort(
    load: Load,
    to: To = None,
    state_dir: StateDir = None,
    reason: Annotated[str, typer.Option(help="What the jobs are failed with that have not run.")] = "aborted",
    as_json: AsJson = False,
) -> None:
    """End an unfinished package without running what has not run. What is loaded stays loaded."""

    def work(storage: PackageStorage, destination: Destination, load_id: str) -> LoadSummary:
        loader = Loader(storage, destination, workers=0)
        with stopping(loader.stop):
            return loader.abort_package(load_id, reason)

    raise typer.Exit(guarded(lambda: _carry_out(load, to, state_dir, as_json, "aborted", work)))


@app.command()
def drop(
    load: Load,
    to: To = None,
    state_dir: StateDir = None,
    force: Annotated[bool, typer.Option(help="Also an unfinished one; its rows in the destination stay.")] = False,
) -> None:
    """Delete a package from the state directory. The destination is not touched."""

    def act() -> int:
        storage = _storage(to, state_dir)
        folder, load_id = _find(storage, load)
        if folder == NORMALIZED and not force:
            raise InputError(f"load {load_id} is unfinished; abort ends it in good order, --force drops it anyway")
        storage.drop_package(folder, load_id)
        print(f"load {load_id} is dropped")
        return OK

    raise typer.Exit(guarded(act))


def _carry_out(
    load: str,
    to: str | None,
    state_dir: str | None,
    as_json: bool,
    status: str,
    work: Callable[[PackageStorage, Destination, str], LoadSummary],
) -> int:
    """Do `work` on an unfinished package, and print what came of it."""
    if to is None:
        raise InputError("say where it goes: --to URL")
    started = time.monotonic()
    storage = _storage(to, state_dir)
    folder, load_id = _find(storage, load)
    if folder == LOADED:
        raise InputError(f"load {load_id} has ended")
    with _connected(to) as destination:
        summary = work(storage, destination, load_id)
    seconds = time.monotonic() - started
    if as_json:
        print(report.as_json(load_id, status, summary, seconds, []))
    else:
        report.print_summary(Console(), parse(to).shown, summary, seconds)
    for job in summary.failed if status == "loaded" else ():
        complain(f"{job.job_id} failed: {job.error}", OK)
    return FAILED if summary.failed and status == "loaded" else OK


@contextmanager
def _connected(url: str) -> Iterator[Destination]:
    destination = connect(url)
    try:
        yield destination
    finally:
        destination.close()


def _storage(to: str | None, state_dir: str | None) -> PackageStorage:
    if to is None and state_dir is None:
        raise InputError("say where the packages are: --to URL, or --state-dir DIR")
    root = state_dir or default_state_dir(parse(to or ""))
    if not os.path.isdir(os.path.join(root, NORMALIZED)):
        raise InputError(f"{root}: there are no packages here")
    return PackageStorage(root)


def _every(storage: PackageStorage) -> list[tuple[str, str]]:
    return [(folder, name) for folder in (NORMALIZED, LOADED) for name in storage.packages(folder)]


def _find(storage: PackageStorage, load: str) -> tuple[str, str]:
    """The folder and the id of the one package whose id begins with `load`. Raises InputError."""
    every = _every(storage)
    found = [each for each in every if each[1] == load] or [each for each in every if each[1].startswith(load)]
    if not found:
        raise InputError(f"no package {load!r}; loadloom package list shows what there is")
    if len({name for _, name in found}) > 1:
        raise InputError(f"{load!r} may be {', '.join(name for _, name in found[:5])}; write more of it")
    return found[-1]  # in both, after a power cut: the one in loaded/ counts


def _overview(storage: PackageStorage, folder: str, load_id: str) -> Overview:
    owner = standing(storage.path(CLAIMS, load_id), storage.machine)
    try:
        manifest = storage.manifest(load_id, folder)
    except PackageError:
        return Overview(load_id, "damaged", 0, 0, 0, owner)
    status = "unfinished"
    if folder == LOADED:
        try:
            status = records.read_status(storage.path(LOADED, load_id, OUTCOME))
        except (OSError, TornError):
            status = "damaged"
    evidence = _on_disk(storage, folder, manifest)
    failed = sum(found.state == "failed" for found in evidence.values())
    return Overview(load_id, status, len(manifest.jobs), len(evidence), failed, owner)


def _evidence(storage: PackageStorage, folder: str, manifest: Manifest, to: str | None) -> Mapping[str, Evidence]:
    target = parse(to) if to is not None else None
    if to is not None and target is not None and (not target.path or os.path.exists(target.path)):
        with _connected(to) as destination:
            if destination.has_ledger:
                return destination.ledger(manifest.load_id)
    return _on_disk(storage, folder, manifest)


def _on_disk(storage: PackageStorage, folder: str, manifest: Manifest) -> Mapping[str, Evidence]:
    """What the package's own directory says of its jobs. Only looks: repairs are for whoever claims the package."""
    outcome = storage.read_outcome(manifest, folder)
    if outcome is not None:
        return outcome
    jobs = {spec.job_id for spec in manifest.jobs}
    markers = storage.path(folder, manifest.load_id, MARKERS)
    found = {name: records.read_marker(markers, name, jobs) for name in entries(markers)}
    return {name: evidence for name, evidence in found.items() if isinstance(evidence, Evidence)}


def _job(job_id: str, table: str, size: int, origin: str, evidence: Mapping[str, Evidence]) -> dict[str, Any]:
    found = evidence.get(job_id)
    message = found.message.strip().rpartition("\n")[2] if found else ""
    return {
        "job": job_id,
        "table": table,
        "state": found.state if found else "waiting",
        "rows": found.rows if found else 0,
        "bytes": size,
        "origin": origin,
        "error": message.removeprefix("refimpl.errors.TerminalError: "),
    }
