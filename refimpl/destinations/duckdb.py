"""DuckDB: exactly once, by a ledger row in the same transaction as the job's data.

One process at a time has the file open, so no older run can still commit: what a lease would keep out is gone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from refimpl.columns import Columns
from refimpl.destinations.ledger import LedgerJob, LedgerRow
from refimpl.destinations.sql import (
    JOB,
    ROW,
    TABLES,
    Execute,
    SqlDestination,
    add,
    no_key,
    refuse_rows_without_key,
)
from refimpl.diagnosis import explain
from refimpl.errors import DestinationError
from refimpl.job import RunnableLoadJob
from refimpl.package import JobSpec, Lease
from refimpl.reading import SETTINGS, ident, literal, pattern, relation, selection

# What the data or the statement is to blame for fails again with every attempt; a full disk or a conflict may not.
TERMINAL = (duckdb.DataError, duckdb.ProgrammingError, duckdb.IntegrityError, duckdb.NotSupportedError)


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
        key = self._destination.key_of(spec.table)
        fields = selection(spec.columns, self._destination.columns_of(spec.table))
        source = relation(spec.format, spec.columns, spec.options)
        if key:
            self._check_key(job, key)
            fields += f", {literal(spec.job_id)} AS {JOB}, row_number() OVER () AS {ROW}"
        target = ident(self._destination.target_of(job.load_id, spec.table))
        insert = f"INSERT INTO {target} BY NAME SELECT {fields} FROM {source}"
        return int(self._execute(insert, pattern(job.path))[0][0])

    def _check_key(self, job: LedgerJob, key: Sequence[str]) -> None:
        spec = job.spec
        source = relation(spec.format, spec.columns, spec.options)
        count = f"SELECT count(*) FROM {source} WHERE {no_key(spec.columns, key)}"
        refuse_rows_without_key(self._execute(count, pattern(job.path))[0][0], key)

    def add(self, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
        """Insert the ledger row and a row for each follow-up."""
        return add(self._execute, row, follow_ups)

    def commit(self) -> None:
        """Commit."""
        self.cursor.execute("COMMIT")

    def roll_back(self) -> None:
        """Roll back."""
        self.cursor.execute("ROLLBACK")

    def _execute(self, statement: str, *values: Any) -> list[Any]:
        return self.cursor.execute(statement, list(values)).fetchall()


class DuckDBDestination(SqlDestination):
    """A DuckDB database file, made when missing. Raises DestinationError when it cannot be opened for writing."""

    name = "duckdb"

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        _check_target(path)
        try:
            self._connection = duckdb.connect(path)
            self._connection.execute(SETTINGS)
            for table in TABLES:
                self._connection.execute(table)
        except duckdb.Error as error:
            raise DestinationError(f"{path}: {_advice(str(error))}") from error

    @contextlib.contextmanager
    def client(self) -> Iterator[DuckDBSession]:
        """A session of its own on the database that this process has open."""
        cursor = self._connection.cursor()
        try:
            yield DuckDBSession(cursor, self)
        finally:
            cursor.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Execute]:
        """A transaction over a cursor of its own. Raises DestinationError for what the database refuses."""
        with self.client() as session:
            try:
                session.cursor.execute("BEGIN")
                yield session._execute
                session.commit()
            except duckdb.Error as error:
                raise DestinationError(f"{self.path}: {str(error).splitlines()[0]}") from error

    def is_terminal(self, error: Exception) -> bool:
        """Whether the data or the statement is to blame."""
        return isinstance(error, TERMINAL)

    def explain(self, error: Exception, job: RunnableLoadJob) -> str:
        """What is wrong with the job's file, and in which line."""
        return explain(error, job.spec.format, job.path)

    def columns(self, execute: Execute, table: str) -> Columns:
        """The columns of a table; () when there is none."""
        query = (
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'main' AND lower(table_name) = lower($1) ORDER BY ordinal_position"
        )
        return tuple((name, kind) for name, kind in execute(query, table))

    def widen(self, execute: Execute, table: str, existing: Columns, wanted: Columns) -> None:
        """Make the table, or add columns and change types. Before any job: DuckDB takes neither beside inserts."""
        if not existing:
            columns = ", ".join(f"{ident(name)} {kind}" for name, kind in wanted)
            execute(f"CREATE TABLE {ident(table)} ({columns})")
            return
        known = dict(existing)
        for name, kind in wanted:
            if name not in known:
                execute(f"ALTER TABLE {ident(table)} ADD COLUMN {ident(name)} {kind}")
            elif known[name] != kind:
                using = f"to_json({ident(name)})" if kind == "JSON" else f"CAST({ident(name)} AS {kind})"
                execute(f"ALTER TABLE {ident(table)} ALTER COLUMN {ident(name)} TYPE {kind} USING {using}")

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
