"""DuckDB: exactly once, by a ledger row in the same transaction as the job's data.

The ledger's key (load_id, job_id) makes a second load of a job impossible; a commit that raised is unknown, not
failed, until the ledger was read back. One process at a time has the file open, so no older run can still commit.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from refimpl.columns import UNKNOWN, Columns, is_nested, union
from refimpl.destinations.ledger import LedgerDestination, LedgerJob, LedgerRow
from refimpl.diagnosis import explain
from refimpl.errors import DestinationError
from refimpl.job import RunnableLoadJob
from refimpl.package import Evidence, JobSpec, Lease, Manifest
from refimpl.reading import ident, pattern, relation, selection

_TABLES = """
CREATE TABLE IF NOT EXISTS _loadloom_ledger (
    load_id VARCHAR, job_id VARCHAR, status VARCHAR, message VARCHAR, attempt INTEGER, row_count BIGINT,
    PRIMARY KEY (load_id, job_id));
CREATE TABLE IF NOT EXISTS _loadloom_loads (
    load_id VARCHAR PRIMARY KEY, jobs BIGINT, failed BIGINT, row_count BIGINT);
CREATE TABLE IF NOT EXISTS _loadloom_follow_ups (
    load_id VARCHAR, job_id VARCHAR, parent VARCHAR, table_name VARCHAR, options VARCHAR,
    PRIMARY KEY (load_id, job_id));
"""

_LEDGER_QUERY = "SELECT job_id, status, message, row_count FROM _loadloom_ledger"
_FOLLOW_UP_QUERY = "SELECT job_id, parent, table_name, options FROM _loadloom_follow_ups"

# What the data or the statement is to blame for fails again with every attempt; a full disk or a conflict may not.
_TERMINAL = (duckdb.DataError, duckdb.ProgrammingError, duckdb.IntegrityError, duckdb.NotSupportedError)


class DuckDBSession:
    """A cursor: a connection of its own to the database that this process has open."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, destination: DuckDBDestination) -> None:
        self.cursor = cursor
        self._destination = destination

    def begin(self, lease: Lease) -> None:
        """Open a transaction. No lease is looked at: an older run's process is gone, or it would hold the file."""
        self.cursor.execute("BEGIN")

    def write(self, job: LedgerJob) -> int:
        """Insert the rows of the job's file into its table."""
        spec = job.spec
        if not spec.columns:
            return 0
        table = self._destination.types(spec.table)
        insert = (
            f"INSERT INTO {ident(spec.table)} BY NAME SELECT {selection(spec.columns, table)} "
            f"FROM {relation(spec.format, spec.columns, spec.options)}"
        )
        return int(self.cursor.execute(insert, [pattern(job.path)]).fetchall()[0][0])

    def add(self, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
        """Insert the ledger row and a row for each follow-up."""
        values = [row.load_id, row.job_id, row.status, row.message, row.attempt, row.rows]
        try:
            self.cursor.execute("INSERT INTO _loadloom_ledger VALUES (?, ?, ?, ?, ?, ?)", values)
        except duckdb.ConstraintException:
            return False
        for spec in follow_ups:
            values = [row.load_id, spec.job_id, spec.parent, spec.table, json.dumps(dict(spec.options))]
            self.cursor.execute("INSERT INTO _loadloom_follow_ups VALUES (?, ?, ?, ?, ?)", values)
        return True

    def commit(self) -> None:
        """Commit."""
        self.cursor.execute("COMMIT")

    def roll_back(self) -> None:
        """Roll back."""
        self.cursor.execute("ROLLBACK")


class DuckDBDestination(LedgerDestination):
    """A DuckDB database file, made when missing. Raises DestinationError when it cannot be opened for writing."""

    name = "duckdb"

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
    def client(self) -> Iterator[DuckDBSession]:
        """A session of its own on the database that this process has open."""
        with self._cursor() as cursor:
            yield DuckDBSession(cursor, self)

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def is_terminal(self, error: Exception) -> bool:
        """Whether the data or the statement is to blame."""
        return isinstance(error, _TERMINAL)

    def explain(self, error: Exception, job: RunnableLoadJob) -> str:
        """What is wrong with the job's file, and in which line."""
        return explain(error, job.spec.format, job.path)

    def types(self, table: str) -> Mapping[str, str]:
        """The types of the table's columns by name in lower case, as `prepare` left them."""
        return self._types[table]

    def prepare(self, manifest: Manifest) -> None:
        """Make the tables, or add columns and widen types. Before any job: DuckDB takes neither beside inserts."""
        tables: dict[str, list[JobSpec]] = {}
        for spec in manifest.jobs:
            if spec.columns:
                tables.setdefault(spec.table, []).append(spec)
        with self._cursor() as cursor:
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

    def ledger(self, load_id: str) -> Mapping[str, Evidence]:
        """The terminal jobs of a load, each with its follow-ups."""
        return self._evidence("load_id = ?", [load_id])

    def find(self, load_id: str, job_id: str) -> Evidence | None:
        """What is known of one job of a load."""
        return self._evidence("load_id = ? AND job_id = ?", [load_id, job_id]).get(job_id)

    def _evidence(self, where: str, values: list[str]) -> dict[str, Evidence]:
        follow_ups: dict[str, list[JobSpec]] = {}
        with self._cursor() as cursor:
            rows = cursor.execute(f"{_LEDGER_QUERY} WHERE {where}", values).fetchall()
            where = where.replace("job_id", "parent")
            made = cursor.execute(f"{_FOLLOW_UP_QUERY} WHERE {where} ORDER BY job_id", values).fetchall()
        for job, parent, table, options in made:
            spec = JobSpec(job, table, "none", "", 0, "", options=json.loads(options), parent=parent)
            follow_ups.setdefault(parent, []).append(spec)
        return {
            job: Evidence(status, message, count, tuple(follow_ups.get(job, ())))
            for job, status, message, count in rows
        }

    def complete_load(self, load_id: str) -> None:
        """Insert the load's row, unless it is there."""
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO _loadloom_loads SELECT ?, count(*), count(*) FILTER (status = 'failed'), "
                "coalesce(sum(row_count), 0) FROM _loadloom_ledger WHERE load_id = ? ON CONFLICT DO NOTHING",
                [load_id, load_id],
            )

    def is_loaded(self, load_id: str) -> bool:
        """Whether the load has its row."""
        with self._cursor() as cursor:
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
