"""DuckDB: exactly once, by a ledger row in the same transaction as the job's data.

The ledger's key (load_id, job_id) makes a second load of a job impossible; a commit that raised is unknown, not
failed, until the ledger was read back. One process at a time has the file open, so no older run can still commit.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from refimpl.columns import UNKNOWN, Columns, is_nested, union
from refimpl.destinations.base import Destination
from refimpl.errors import DestinationError, TerminalError
from refimpl.inspection import explain
from refimpl.job import RunnableLoadJob
from refimpl.package import COMPLETED, FAILED, Evidence, JobSpec, Manifest
from refimpl.reading import ident, pattern, relation, selection

_TABLES = """
CREATE TABLE IF NOT EXISTS _loadloom_ledger (
    load_id VARCHAR, job_id VARCHAR, status VARCHAR, message VARCHAR, attempt INTEGER, row_count BIGINT,
    PRIMARY KEY (load_id, job_id));
CREATE TABLE IF NOT EXISTS _loadloom_loads (
    load_id VARCHAR PRIMARY KEY, jobs BIGINT, failed BIGINT, row_count BIGINT);
"""

# What the data or the statement is to blame for fails again with every attempt; a full disk or a conflict may not.
_TERMINAL = (duckdb.DataError, duckdb.ProgrammingError, duckdb.IntegrityError, duckdb.NotSupportedError)


class DuckDBJob(RunnableLoadJob):
    """Loads one file into its table."""

    def __init__(self, spec: JobSpec, destination: DuckDBDestination) -> None:
        super().__init__(spec)
        self.destination = destination

    def run(self) -> None:
        """Insert the rows and the ledger row, and commit both, or find that this was done before."""
        cursor: duckdb.DuckDBPyConnection = self.client
        cursor.execute("BEGIN")
        try:
            rows = self._insert_rows(cursor)
            self._insert_ledger_row(cursor, rows)
        except _AlreadyThere:
            _roll_back(cursor)
            self._adopt()
            return
        except _TERMINAL as error:
            _roll_back(cursor)
            origin = self.spec.origin or self.spec.job_id
            raise TerminalError(f"{origin}: {explain(error, self.spec.format, self.path)}") from error
        except BaseException:
            _roll_back(cursor)
            raise
        try:
            self.commit(cursor)
        except duckdb.Error:
            # Unknown: the commit may have gone through before the error. Only the ledger can tell.
            if not self._adopt():
                raise
            return
        self.rows = rows

    def commit(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Commit the transaction. Raises duckdb.Error, which says nothing about whether it went through."""
        cursor.execute("COMMIT")

    def record_failure(self, message: str) -> None:
        """Put the failure into the ledger, in a transaction of its own."""
        with self.destination.client() as cursor:
            values = [self.load_id, self.job_id, FAILED, message, self.attempt, 0]
            cursor.execute("INSERT INTO _loadloom_ledger VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)

    def _insert_rows(self, cursor: duckdb.DuckDBPyConnection) -> int:
        spec = self.spec
        if not spec.columns:
            return 0
        table = self.destination.types(spec.table)
        insert = (
            f"INSERT INTO {ident(spec.table)} BY NAME SELECT {selection(spec.columns, table)} "
            f"FROM {relation(spec.format, spec.columns, spec.options)}"
        )
        return int(cursor.execute(insert, [pattern(self.path)]).fetchall()[0][0])

    def _insert_ledger_row(self, cursor: duckdb.DuckDBPyConnection, rows: int) -> None:
        values = [self.load_id, self.job_id, COMPLETED, "", self.attempt, rows]
        try:
            cursor.execute("INSERT INTO _loadloom_ledger VALUES (?, ?, ?, ?, ?, ?)", values)
        except duckdb.ConstraintException as error:
            raise _AlreadyThere from error

    def _adopt(self) -> bool:
        """Take over what the ledger says of this job; False if it says nothing."""
        found = self.destination.ledger(self.load_id, self.job_id).get(self.job_id)
        if found is None:
            return False
        if found.state == FAILED:
            raise TerminalError(found.message)
        self.rows = found.rows
        return True


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    # A transaction that is gone already is rolled back; another error here must not stand in for the first one.
    with contextlib.suppress(duckdb.Error):
        cursor.execute("ROLLBACK")


class _AlreadyThere(Exception):
    """The ledger has a row of this job."""


class DuckDBDestination(Destination):
    """A DuckDB database file, made when missing. Raises DestinationError when it cannot be opened for writing."""

    name = "duckdb"
    has_ledger = True

    def __init__(self, path: str) -> None:
        self.path = path
        _check_target(path)
        try:
            self._connection = duckdb.connect(path)
            self._connection.execute(_TABLES)
        except duckdb.Error as error:
            raise DestinationError(f"{path}: {_advice(str(error))}") from error
        self._types: dict[str, dict[str, str]] = {}

    @contextlib.contextmanager
    def client(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor: a connection of its own to the database that this process has open."""
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def job(self, spec: JobSpec) -> RunnableLoadJob:
        """A `DuckDBJob`."""
        return DuckDBJob(spec, self)

    def types(self, table: str) -> Mapping[str, str]:
        """The types of the table's columns by name in lower case, as `prepare` left them."""
        return self._types[table]

    def prepare(self, manifest: Manifest) -> None:
        """Make the tables, or add columns and widen types. Before any job: DuckDB takes neither beside inserts."""
        tables: dict[str, list[JobSpec]] = {}
        for spec in manifest.jobs:
            if spec.columns:
                tables.setdefault(spec.table, []).append(spec)
        with self.client() as cursor:
            for table, files in sorted(tables.items()):
                existing = _columns_of(cursor, table)
                wanted = _wanted(existing, files)
                cursor.execute("BEGIN")
                try:
                    _apply(cursor, table, dict(existing), wanted)
                    cursor.execute("COMMIT")
                except duckdb.Error as error:
                    raise DestinationError(f"{self.path}: table {table}: {str(error).splitlines()[0]}") from error
                self._types[table] = {name.lower(): kind for name, kind in wanted}

    def ledger(self, load_id: str, job_id: str | None = None) -> Mapping[str, Evidence]:
        """The terminal jobs of a load, or what is known of one of them."""
        query = "SELECT job_id, status, message, row_count FROM _loadloom_ledger WHERE load_id = ?"
        values = [load_id]
        if job_id is not None:
            query, values = f"{query} AND job_id = ?", [load_id, job_id]
        with self.client() as cursor:
            rows = cursor.execute(query, values).fetchall()
        return {job: Evidence(status, message, count) for job, status, message, count in rows}

    def complete_load(self, load_id: str) -> None:
        """Insert the load's row, unless it is there."""
        with self.client() as cursor:
            cursor.execute(
                "INSERT INTO _loadloom_loads SELECT ?, count(*), count(*) FILTER (status = 'failed'), "
                "coalesce(sum(row_count), 0) FROM _loadloom_ledger WHERE load_id = ? ON CONFLICT DO NOTHING",
                [load_id, load_id],
            )

    def is_loaded(self, load_id: str) -> bool:
        """Whether the load has its row."""
        with self.client() as cursor:
            return bool(cursor.execute("SELECT 1 FROM _loadloom_loads WHERE load_id = ?", [load_id]).fetchall())

    def close(self) -> None:
        """Close the database file."""
        self._connection.close()


def _check_target(path: str) -> None:
    """DuckDB 2 opens any file that it can read, a CSV file as a view: only a database or nothing is right here."""
    if os.path.isdir(path):
        raise DestinationError(f"{path}: is a directory; name a file in it")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise DestinationError(f"{path}: no such directory: {folder}")
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DestinationError(f"{path}: cannot be read: {error.strerror}") from error
    if head and head[8:12] != b"DUCK":
        raise DestinationError(f"{path}: exists and is not a DuckDB database; name another file")


def _advice(message: str) -> str:
    first = message.splitlines()[0]
    if "lock" in first:
        return "another process has this database open; close it and run again"
    return f"cannot be opened for writing: {first.partition(': ')[2] or first}"


def _columns_of(cursor: duckdb.DuckDBPyConnection, table: str) -> Columns:
    query = (
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'main' AND lower(table_name) = lower(?) ORDER BY ordinal_position"
    )
    return tuple((name, kind) for name, kind in cursor.execute(query, [table]).fetchall())


def _wanted(existing: Columns, files: Sequence[JobSpec]) -> Columns:
    """The columns that the table must have. What is nested in a file is JSON; a table's own nested columns stay."""
    incoming = [tuple((name, "JSON" if is_nested(kind) else kind) for name, kind in spec.columns) for spec in files]
    unknown = "JSON" if any(spec.format in ("json", "jsonl") for spec in files) else "VARCHAR"
    merged = union([existing, *incoming])
    return tuple((name, unknown if kind == UNKNOWN else kind) for name, kind in merged)


def _apply(cursor: duckdb.DuckDBPyConnection, table: str, existing: Mapping[str, str], wanted: Columns) -> None:
    if not existing:
        columns = ", ".join(f"{ident(name)} {kind}" for name, kind in wanted)
        cursor.execute(f"CREATE TABLE {ident(table)} ({columns})")
        return
    for name, kind in wanted:
        if name not in existing:
            cursor.execute(f"ALTER TABLE {ident(table)} ADD COLUMN {ident(name)} {kind}")
        elif existing[name] != kind:
            using = f"to_json({ident(name)})" if kind == "JSON" else f"CAST({ident(name)} AS {kind})"
            cursor.execute(f"ALTER TABLE {ident(table)} ALTER COLUMN {ident(name)} TYPE {kind} USING {using}")
