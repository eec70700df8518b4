"""`loadloom load`: files into a database, from a terminal."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

import platformdirs
import typer
from rich.console import Console
from rich.progress import Progress

from refimpl import report
from refimpl.destinations.base import Destination
from refimpl.destinations.connect import Target, connect, parse
from refimpl.errors import DestinationError, InputError, PackageError
from refimpl.exits import FAILED, OK, complain, guarded
from refimpl.interrupts import stopping
from refimpl.loader import Loader
from refimpl.package import APPEND, Disposition
from refimpl.planning import Plan, base_id, is_whole, plan
from refimpl.recovery import sweep
from refimpl.sources import find_sources
from refimpl.staging import Reading
from refimpl.storage import LOADED, NORMALIZED, PackageStorage
from refimpl.summary import JobResult, LoadSummary

_TOLD = 20  # repairs, one line each; of more only the counts

app = typer.Typer(name="loadloom", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _commands() -> None:
    """The reference loader at work on real files."""


@app.command()
def load(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="JSON, JSONL, CSV, Parquet or a directory")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            help="duckdb:///FILE (//// if absolute), postgresql://USER@HOST/DATABASE, "
            "file:///DIR?format=parquet or jsonl, or null://",
        ),
    ],
    table: Annotated[str | None, typer.Option(help="The table for all; default: named after each file.")] = None,
    disposition: Annotated[
        Literal["append", "replace", "merge"], typer.Option(help="What becomes of the rows that a table has.")
    ] = "append",
    key: Annotated[
        list[str] | None, typer.Option(help="merge: a column by which a new row takes an old one's place; repeatable.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Jobs at once; 0: one at a time, without threads.")] = 4,
    state_dir: Annotated[
        str | None,
        typer.Option(help="Where unfinished work is kept. Default: FILE.loadloom, beside the database file."),
    ] = None,
    again: Annotated[bool, typer.Option(help="Load once more what has been loaded before.")] = False,
    skip_unreadable: Annotated[bool, typer.Option(help="Pass over files that are no tables.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one line of JSON.")] = False,
) -> None:
    """Load files into tables named after them.

    Run it again after it was killed and it resumes; run it again after it succeeded and there is nothing to do.
    """
    how = Disposition(disposition, tuple(key or ()))
    request = Request(tuple(sources), to, workers, state_dir, again, skip_unreadable, as_json, table, how)
    raise typer.Exit(guarded(lambda: carry_out(request)))


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    sources: tuple[str, ...]
    url: str
    workers: int = 4
    state_dir: str | None = None
    again: bool = False
    skip_unreadable: bool = False
    as_json: bool = False
    table: str | None = None
    disposition: Disposition = APPEND


def carry_out(request: Request) -> int:
    """Do what was asked and say so; the exit code. Raises LoadloomError, OSError or KeyboardInterrupt."""
    started = time.monotonic()
    target = parse(request.url)
    _check_key(request.disposition)
    sources = find_sources(request.sources, request.table)
    state_dir = request.state_dir or default_state_dir(target)
    ordered = request.disposition.kind == "merge"  # the last of several rows with one key stays
    with Reading(sources, state_dir, request.skip_unreadable, ordered, _watch_reading) as reading:
        if target.path and not os.path.exists(target.path):
            _read_first(target, reading)  # so that a refusal leaves no empty database behind
        destination = connect(request.url)
        try:
            storage = PackageStorage(state_dir)
            repairs = sweep(storage)
            what = plan(storage, destination, base_id(target, sources, request.disposition), request.again)
            if what.action == "nothing":
                return _nothing_to_do(request, what.load_id, _failed_before(storage, destination, what.load_id))
            refused = _make_package(storage, destination, what, reading, request.disposition)
            reading.close()
            summary = LoadSummary(repairs=tuple(repairs)) + run(storage, destination, what.load_id, request.workers)
        finally:
            destination.close()
    seconds = time.monotonic() - started
    if request.as_json:
        status = "failed" if summary.failed else "loaded"
        print(report.as_json(what.load_id, status, summary, seconds, refused))
    else:
        report.print_summary(Console(), target.shown, summary, seconds)
    _tell(summary, refused)
    return FAILED if summary.failed else OK


@contextmanager
def _watch_reading(total: int) -> Iterator[Callable[[int], None]]:
    """A bar of the sources read, where somebody looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda count: None
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda count: progress.update(task, completed=count)


def _read_first(target: Target, reading: Reading) -> None:
    folder = os.path.dirname(target.path) or "."
    if not os.path.isdir(folder):
        raise DestinationError(f"{target.path}: no such directory: {folder}")
    try:
        reading.extraction()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise DestinationError(f"{target.path}: cannot be opened for writing: {where}{error.strerror}") from error


def _check_key(disposition: Disposition) -> None:
    if (disposition.kind == "merge") != bool(disposition.key):
        raise InputError("--disposition merge needs --key COLUMN, and no other takes it")


def default_state_dir(target: Target) -> str:
    """Where unfinished work is kept: beside the database file, so that it moves and goes with it."""
    if target.path:
        return target.path + ".loadloom"
    place = [hashlib.sha256(target.place.encode()).hexdigest()[:16]] if target.place else []
    return os.path.join(platformdirs.user_state_dir("loadloom"), target.scheme, *place)


def _make_package(
    storage: PackageStorage, destination: Destination, what: Plan, reading: Reading, disposition: Disposition
) -> list[str]:
    """Make sure that the package is there, whole; the lines about sources that were passed over."""
    if what.action == "resume":
        if is_whole(storage, what.load_id):
            return []
        if destination.has_ledger and destination.ledger(what.load_id):
            raise PackageError(
                f"load {what.load_id}: its package is damaged, and some of its rows are in the destination already; "
                f"drop it (loadloom package drop), and load all of it once more with --again"
            )
        storage.drop_package(NORMALIZED, what.load_id)
    found = reading.extraction()
    dispositions = {} if disposition == APPEND else {job.table: disposition for job in found.jobs}
    storage.create_package(what.load_id, found.jobs, dispositions)
    return [str(error) for error in found.refused]


def run(storage: PackageStorage, destination: Destination, load_id: str, workers: int) -> LoadSummary:
    """Load a package, with a bar where somebody looks, and in the way of no signal. Raises what the loader raises."""
    console = Console(stderr=True)
    if not console.is_terminal:
        loader = Loader(storage, destination, workers=workers)
        with stopping(loader.stop):
            return loader.run_package(load_id)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("loading", total=len(storage.manifest(load_id).jobs))

        def advance(result: JobResult) -> None:
            progress.update(task, advance=1, description=result.table)

        loader = Loader(storage, destination, workers=workers, on_result=advance)
        with stopping(loader.stop):
            return loader.run_package(load_id)


def _failed_before(storage: PackageStorage, destination: Destination, load_id: str) -> int:
    """How many jobs of a finished load had failed."""
    if destination.has_ledger:
        evidence = destination.ledger(load_id)
    else:
        evidence = storage.read_outcome(storage.manifest(load_id, LOADED), LOADED) or {}
    return sum(found.state == "failed" for found in evidence.values())


def _nothing_to_do(request: Request, load_id: str, failed: int) -> int:
    if request.as_json:
        print(report.as_json(load_id, "nothing to do", LoadSummary(), 0.0, []))
    else:
        print(f"nothing to do: this was loaded into {parse(request.url).shown} before; --again loads it once more")
    if failed:
        return complain(f"{failed} jobs of that load had failed", FAILED)
    return OK


def _tell(summary: LoadSummary, refused: list[str]) -> None:
    for line in refused:
        complain(f"{line} (skipped)", OK)
    for repair in summary.repairs[:_TOLD]:
        complain(f"{repair.path}: {repair.kind}, taken as {repair.taken_as}", OK)
    if len(summary.repairs) > _TOLD:
        counts = ", ".join(f"{count} {kind}" for kind, count in summary.repaired.items())
        complain(f"{len(summary.repairs)} repairs in all: {counts}", OK)
    for job in summary.jobs:
        if job.warning:
            complain(f"{job.job_id}: {job.warning}", OK)
        if job.state == "failed":
            complain(f"{job.job_id} failed: {job.error}", OK)


def main() -> None:
    """The command by itself, as `python -m refimpl`."""
    from refimpl.package_command import app as package

    app.add_typer(package, name="package")
    app()
