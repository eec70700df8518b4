"""A directory of Parquet or JSONL files: no transactions, so one rename is the commit of a job.

    <dir>/<table>/<load_id>.<job_id>.parquet     the rows of a job; there, whole, or not there
    <dir>/_loadloom/<load_id>/jobs/<job_id>      its ledger row: sealed, in place *before* the rows
                              staged/            what is being written
                              lease-<epoch>      who has the load
                              replaced-<table>   the files that `replace` takes out
                              load               the load's record
    <dir>/_loadloom/tables/<table>               the columns so far

A ledger row that names a file counts only once that file is there, so the rename makes both true at once. The name is a
function of load and job: what is written twice is written over itself. That is the promise, "idempotent": the lease is
looked at before the rename but cannot be held across it, so a worker that was taken for dead may still put its file in
place, the same rows under the same name; and if `replace` had taken that out by then, it is back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import duckdb

from refimpl import sealed
from refimpl.columns import Columns
from refimpl.destinations.duckdb import TERMINAL
from refimpl.destinations.ledger import LedgerDestination, LedgerJob, LedgerRow
from refimpl.destinations.sql import by_table, columns_wanted
from refimpl.diagnosis import explain
from refimpl.errors import DestinationError, Fenced, TornError
from refimpl.job import RunnableLoadJob
from refimpl.package import COMPLETED, FAILED, Evidence, JobSpec, Lease, Manifest, Promise, check_name
from refimpl.reading import SETTINGS, ident, literal, pattern, relation, selection
from refimpl.storage import remove_tree

_OURS = "_loadloom"


class FilesystemSession:
    """What one attempt at a job puts in place."""

    def __init__(self, destination: FilesystemDestination, reader: duckdb.DuckDBPyConnection) -> None:
        self._destination = destination
        self._reader = reader
        self._lease = Lease("")
        self._staged: list[tuple[str, str]] = []  # (from, to), in the order of the commit

    def begin(self, lease: Lease) -> None:
        """Begin. Raises Fenced when the load has a newer lease."""
        self._lease = lease
        self._staged = []
        self._destination.check_lease(lease)

    def write(self, job: LedgerJob) -> int:
        """Write the rows of the job's file, not yet where readers look."""
        spec = job.spec
        if not spec.columns:
            return 0
        target = self._destination.data_path(spec.table, job.load_id, spec.job_id)
        staged = self._staged_path(spec.job_id)
        table = self._destination.columns_of(spec.table)
        fields = selection(spec.columns, table)
        query = f"SELECT {fields} FROM {relation(spec.format, spec.columns, spec.options)}"
        if self._destination.format == "jsonl":
            query = f"SELECT *{_as_json(spec.columns, table)} FROM ({query})"
        kind = "parquet" if self._destination.format == "parquet" else "json"
        copy = f"COPY ({query}) TO {literal(staged)} (FORMAT {kind}, USE_TMP_FILE false)"
        rows = int(self._reader.execute(copy, [pattern(job.path)]).fetchall()[0][0])
        _sync(staged)
        self._staged.append((staged, target))
        return rows

    def add(self, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
        """Write the ledger row, to be put in place just before the rows; False when there is one already."""
        if self._destination.find(row.load_id, row.job_id) is not None:
            return False
        files = [os.path.relpath(target, self._destination.root) for _, target in self._staged]
        entry = {**asdict(row), "files": files, "follow_ups": [asdict(spec) for spec in follow_ups]}
        staged = self._staged_path(row.job_id) + ".row"
        with open(staged, "wb") as file:
            file.write(sealed.seal(entry))
        _sync(staged)
        self._staged.insert(0, (staged, self._destination.entry_path(row.load_id, row.job_id)))
        return True

    def commit(self) -> None:
        """Put the ledger row in place, then the rows. Raises Fenced, OSError."""
        self._destination.check_lease(self._lease)
        for staged, target in self._staged:
            os.replace(staged, target)
            _sync(os.path.dirname(target))
        self._staged = []

    def roll_back(self) -> None:
        """Remove what is staged."""
        for staged, _ in self._staged:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staged)
        self._staged = []

    def _staged_path(self, job_id: str) -> str:
        # Of this lease alone: a worker of an older one may be writing still.
        return self._destination.load_path(self._lease.load_id, "staged", f"{job_id}.{self._lease.epoch}.tmp")


class FilesystemDestination(LedgerDestination):
    """Files of `fmt` ("parquet" or "jsonl") below the directory `root`, made when missing.

    Raises DestinationError when it cannot be made or written to.
    """

    name = "file"
    promise: Promise = "idempotent"

    def __init__(self, root: str, fmt: str = "parquet") -> None:
        self.root = root
        self.format = fmt
        self._columns: dict[str, Columns] = {}
        try:
            os.makedirs(os.path.join(root, _OURS, "tables"), exist_ok=True)
        except OSError as error:
            raise DestinationError(f"{root}: cannot be made or written to: {error.strerror}") from error
        self._reader = duckdb.connect()
        self._reader.execute(SETTINGS)

    def load_path(self, load_id: str, *parts: str) -> str:
        """The path of our notes on a load, or of something in them."""
        return os.path.join(self.root, _OURS, load_id, *parts)

    def entry_path(self, load_id: str, job_id: str) -> str:
        """The path of a ledger row."""
        return self.load_path(load_id, "jobs", job_id)

    def data_path(self, table: str, load_id: str, job_id: str) -> str:
        """Where the rows of a job are for readers."""
        return os.path.join(self.root, table, f"{load_id}.{job_id}.{self.format}")

    def columns_of(self, table: str) -> Columns:
        """The columns of a table as `prepare` left them."""
        return self._columns[table]

    @contextlib.contextmanager
    def client(self) -> Iterator[FilesystemSession]:
        """A session; what it staged and did not commit is gone afterwards."""
        cursor = self._reader.cursor()
        session = FilesystemSession(self, cursor)
        try:
            yield session
        finally:
            session.roll_back()
            cursor.close()

    # -- the lease

    def acquire(self, load_id: str, owner: str) -> Lease:
        """Take the next epoch, which a file of that name shows."""
        check_name(load_id, "load id")
        for folder in ("jobs", "staged"):
            os.makedirs(self.load_path(load_id, folder), exist_ok=True)
        while True:
            epoch = self._epoch(load_id) + 1
            with contextlib.suppress(FileExistsError):
                with open(self.load_path(load_id, f"lease-{epoch}"), "x") as file:
                    file.write(owner)
                return Lease(load_id, epoch)

    def check_lease(self, lease: Lease) -> None:
        """Raises Fenced when the load has a newer lease."""
        if self._epoch(lease.load_id) != lease.epoch:
            raise Fenced(f"load {lease.load_id} was taken over; this run can commit nothing more")

    def _epoch(self, load_id: str) -> int:
        names = os.listdir(self.load_path(load_id))
        return max((int(name[6:]) for name in names if name.startswith("lease-")), default=0)

    # -- before and after the jobs

    def prepare(self, manifest: Manifest) -> None:
        """Note the columns of each table, and take out what `replace` is to replace."""
        for table, specs in by_table(manifest):
            _check_table(table, manifest)
            path = os.path.join(self.root, _OURS, "tables", table)
            wanted = columns_wanted(_read_columns(path), specs)
            if self.format == "parquet":  # which has nothing wider for integers
                wanted = tuple((name, "DECIMAL(38,0)" if kind == "HUGEINT" else kind) for name, kind in wanted)
            os.makedirs(os.path.join(self.root, table), exist_ok=True)
            _put(path, wanted)
            self._columns[table] = wanted
            if manifest.disposition(table).kind == "replace":
                self._take_out(manifest.load_id, table)
        remove_tree(self.load_path(manifest.load_id, "staged"))  # of runs that died
        os.makedirs(self.load_path(manifest.load_id, "staged"), exist_ok=True)

    def _take_out(self, load_id: str, table: str) -> None:
        """Delete the files that were there when the load began: those of the list, which is written first and once."""
        record = self.load_path(load_id, f"replaced-{table}")
        names = _get(record)
        if names is None:
            names = [name for name in sorted(os.listdir(os.path.join(self.root, table))) if _is_data(name, load_id)]
            _put(record, names)
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.root, table, name))
        _sync(os.path.join(self.root, table))

    def ledger(self, load_id: str) -> Mapping[str, Evidence]:
        """The terminal jobs of a load, each with its follow-ups."""
        try:
            names = sorted(os.listdir(self.load_path(load_id, "jobs")))
        except FileNotFoundError:
            return {}
        found = {name: self.find(load_id, name) for name in names}
        return {name: evidence for name, evidence in found.items() if evidence is not None}

    def find(self, load_id: str, job_id: str) -> Evidence | None:
        """What is known of one job: its row, if the files that it names are there."""
        row = _get(self.entry_path(load_id, job_id))
        if row is None or not all(os.path.exists(os.path.join(self.root, name)) for name in row["files"]):
            return None
        follow_ups = tuple(JobSpec(**{**spec, "columns": ()}) for spec in row["follow_ups"])
        return Evidence(row["status"], row["message"], row["rows"], follow_ups, row["checksum"])

    def complete_load(self, load_id: str) -> None:
        """Write the load's record, unless it is there."""
        if self.is_loaded(load_id):
            return
        found = self.ledger(load_id).values()
        record = {
            "jobs": len(found),
            "failed": sum(row.state == FAILED for row in found),
            "rows": sum(row.rows for row in found if row.state == COMPLETED),
        }
        remove_tree(self.load_path(load_id, "staged"))
        _put(self.load_path(load_id, "load"), record)

    def is_loaded(self, load_id: str) -> bool:
        """Whether the load has its record."""
        return _get(self.load_path(load_id, "load")) is not None

    def is_terminal(self, error: Exception) -> bool:
        """Whether the data is to blame."""
        return isinstance(error, TERMINAL)

    def explain(self, error: Exception, job: RunnableLoadJob) -> str:
        """What is wrong with the job's file."""
        return explain(error, job.spec.format, job.path)

    def close(self) -> None:
        """Let go of the reader."""
        self._reader.close()


def _check_table(table: str, manifest: Manifest) -> None:
    """Raises DestinationError for a name that is no directory's, or a disposition that files cannot have."""
    if "/" in table or "\0" in table or table.startswith((".", "_")):
        raise DestinationError(f"table {table!r}: cannot be the name of a directory here; choose one with --table")
    if manifest.disposition(table).kind == "merge":
        raise DestinationError(f"table {table}: files cannot be merged into; use append or replace, or a database")


def _as_json(columns: Columns, table: Columns) -> str:
    """What to put in place of columns that DuckDB would write as a rounded number, or as one that is no JSON."""
    present = {name.lower() for name, _ in columns}
    replaced = []
    for name, kind in table:
        column = ident(name)
        if name.lower() not in present:
            continue
        if kind == "HUGEINT":
            replaced.append(f"CAST(CAST({column} AS VARCHAR) AS JSON) AS {column}")
        elif kind in ("DOUBLE", "FLOAT"):
            replaced.append(f"CASE WHEN isfinite({column}) THEN {column} END AS {column}")
    return f" REPLACE ({', '.join(replaced)})" if replaced else ""


def _is_data(name: str, load_id: str) -> bool:
    return name.endswith((".parquet", ".jsonl")) and not name.startswith(f"{load_id}.")


def _read_columns(path: str) -> Columns:
    return tuple((name, kind) for name, kind in _get(path) or ())


def _put(path: str, data: object) -> None:
    """Seal `data` into `path`, durably. Raises OSError."""
    staged = path + ".tmp"
    with open(staged, "wb") as file:
        file.write(sealed.seal(data))
    _sync(staged)
    os.replace(staged, path)
    _sync(os.path.dirname(path))


def _get(path: str) -> Any:
    """What was sealed into `path`; None when it is missing or torn."""
    try:
        return sealed.read(path)
    except (FileNotFoundError, TornError):
        return None


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
