"""PostgreSQL: exactly once, by a ledger row in the same transaction as the job's data, and fenced by a lease.

A job's transaction begins with a shared lock on the load's lease row and a look at its epoch. Whoever takes the load
over raises the epoch, for which it needs the row alone: it waits for transactions under the old one, or ends their
connections, and none can begin after. Rows arrive by COPY, which DuckDB writes into a pipe from the job's file.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from refimpl.columns import Columns
from refimpl.destinations import duckdb as duckdb_destination
from refimpl.destinations.copying import copy_rows
from refimpl.destinations.ledger import LedgerJob, LedgerRow
from refimpl.destinations.pgtypes import check_names, columns_of, pg_type
from refimpl.destinations.sql import TABLES, Execute, SqlDestination, add
from refimpl.diagnosis import explain as explain_file
from refimpl.errors import DestinationError, Fenced
from refimpl.job import RunnableLoadJob
from refimpl.package import JobSpec, Lease
from refimpl.reading import SETTINGS, ident, pattern

try:
    import psycopg
    from psycopg import errors
    from psycopg.conninfo import make_conninfo
except ImportError as missing:
    raise DestinationError("PostgreSQL needs psycopg: pip install 'loadloom[postgres]'") from missing

_LEASES = (
    "CREATE TABLE IF NOT EXISTS _loadloom_leases (load_id VARCHAR PRIMARY KEY, epoch BIGINT NOT NULL, owner VARCHAR)"
)
_SCHEMA_LOCK = 0x6C6F6164  # an advisory lock under which tables are made and changed
_NAME = "loadloom"
_PATIENCE = "5s"  # how long an older run's transactions may take to end by themselves

# The first two characters of an SQLSTATE: what the data, the statement or the schema is to blame for comes again with
# every attempt. A lost connection, a deadlock, a serialization failure, a full disk or a shutdown may not.
_TERMINAL = frozenset({"0A", "21", "22", "23", "26", "42", "44", "54"})

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgreSQLSession:
    """A connection of its own."""

    def __init__(self, connection: Connection, destination: PostgreSQLDestination) -> None:
        self.connection = connection
        self._destination = destination

    def begin(self, lease: Lease) -> None:
        """Open a transaction and lock the lease row, shared. Raises Fenced when the load has a newer lease."""
        self.execute("BEGIN")
        # The name is for those who take over: they find by it whom to wait for no longer.
        found = self.execute(
            "SELECT epoch, owner, set_config('application_name', $2, true) FROM _loadloom_leases "
            "WHERE load_id = $1 FOR SHARE",
            lease.load_id,
            _worker_name(lease.load_id),
        )
        if not found or found[0][0] != lease.epoch:
            owner = f" by {found[0][1]}" if found else ""
            raise Fenced(f"load {lease.load_id} was taken over{owner}; this run can commit nothing more")

    def write(self, job: LedgerJob) -> int:
        """Copy the rows of the job's file into its table."""
        if not job.spec.columns:
            return 0
        with self._destination.reader() as reader:
            return copy_rows(self.connection, reader, self._destination, job)

    def add(self, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
        """Insert the ledger row and a row for each follow-up. Waits for another transaction with the same row."""
        return add(self.execute, row, follow_ups)

    def commit(self) -> None:
        """Commit. Raises psycopg.Error."""
        cursor = self.connection.execute("COMMIT")
        if cursor.statusmessage != "COMMIT":  # in a failed transaction it means ROLLBACK, and is no error
            raise errors.InFailedSqlTransaction("the transaction had failed")

    def roll_back(self) -> None:
        """Roll back."""
        self.connection.execute("ROLLBACK")

    def execute(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement; the rows that it returns."""
        cursor = psycopg.RawCursor(self.connection)
        cursor.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


class PostgreSQLDestination(SqlDestination):
    """A database of a PostgreSQL server.

    Args: `url` as libpq takes it; `schema` for all tables, made when missing ("": the connection's own); `place` to
    call it in messages. Raises DestinationError when it cannot be connected to, or refuses to make our tables.
    """

    name = "postgresql"

    def __init__(self, url: str, schema: str = "", place: str = "") -> None:
        super().__init__()
        self._url = url
        self._schema = schema
        self._place = place or "PostgreSQL"
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._lock = threading.Lock()  # guards _open and _closed
        self._closed = False
        self._reader = duckdb.connect()
        self._reader.execute(SETTINGS)
        with self.transaction() as execute:
            self.lock_schema(execute)
            if schema:
                execute(f"CREATE SCHEMA IF NOT EXISTS {ident(schema)}")
            for table in (*TABLES, _LEASES):
                execute(table)

    # -- connections

    @contextlib.contextmanager
    def client(self) -> Iterator[PostgreSQLSession]:
        """A session on a connection that nobody else has. One that is left in order serves again."""
        connection = self._connect()
        try:
            yield PostgreSQLSession(connection, self)
        finally:
            if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self._discard(connection)
            else:
                self._idle.append(connection)

    def _connect(self) -> Connection:
        with contextlib.suppress(IndexError):
            while True:
                idle = self._idle.pop()
                if not idle.closed:
                    return idle
        settings = {"application_name": _NAME}
        if self._schema:
            settings["options"] = f"-c search_path={_option(ident(self._schema))}"
        connection: Connection = psycopg.Connection.connect(make_conninfo(self._url, **settings), autocommit=True)
        # What the server says on the side (a table is there already) is for nobody.
        connection.execute("SET client_min_messages = error; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'")
        with self._lock:
            if not self._closed:
                self._open.add(connection)
                return connection
        connection.close()
        raise DestinationError(f"{self._place}: closed")

    def _discard(self, connection: Connection) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close every connection; none can commit after this."""
        with self._lock:
            self._closed = True
            connections, self._open = list(self._open), set()
        self._idle.clear()
        for connection in connections:
            connection.close()
        self._reader.close()

    @contextlib.contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB cursor, to read job files with."""
        cursor = self._reader.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Execute]:
        """A transaction over a connection of its own. Raises DestinationError for what the server refuses."""
        try:
            with self.client() as session:
                session.execute("BEGIN")
                yield session.execute
                session.commit()
        except psycopg.Error as error:
            again = "" if self.is_terminal(error) else "; run the same command again to resume"
            raise DestinationError(f"{self._place}: {_words(error)}{again}") from error

    # -- the lease

    def acquire(self, load_id: str, owner: str) -> Lease:
        """Raise the load's epoch. Transactions under an older one have ended when this returns."""
        try:
            return self._acquire(load_id, owner, _PATIENCE)
        except DestinationError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable):
                raise
        # They hang: a machine that is gone keeps its connection until the server notices.
        with self.transaction() as execute:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
            execute(f"{query} AND datname = current_database()", _worker_name(load_id))
        return self._acquire(load_id, owner, "60s")

    def _acquire(self, load_id: str, owner: str, patience: str) -> Lease:
        with self.transaction() as execute:
            execute(f"SET LOCAL lock_timeout = '{patience}'")
            found = execute(
                "INSERT INTO _loadloom_leases VALUES ($1, 1, $2) ON CONFLICT (load_id) DO UPDATE "
                "SET epoch = _loadloom_leases.epoch + 1, owner = excluded.owner RETURNING epoch",
                load_id,
                owner,
            )
            return Lease(load_id, found[0][0])

    # -- tables

    def columns(self, execute: Execute, table: str) -> Columns:
        """The columns of a table; () when there is none. Types that we do not know keep PostgreSQL's name."""
        return columns_of(execute, table)

    def widen(self, execute: Execute, table: str, existing: Columns, wanted: Columns) -> None:
        """Make the table, or add columns and change types."""
        check_names(table, wanted)
        if not existing:
            columns = ", ".join(f"{ident(name)} {pg_type(kind)}" for name, kind in wanted)
            execute(f"CREATE TABLE {ident(table)} ({columns})")
            return
        known = dict(existing)
        for name, kind in wanted:
            if name not in known:
                execute(f"ALTER TABLE {ident(table)} ADD COLUMN {ident(name)} {pg_type(kind)}")
            elif pg_type(known[name]) != pg_type(kind):
                using = f"to_jsonb({ident(name)})" if kind == "JSON" else f"{ident(name)}::{pg_type(kind)}"
                execute(f"ALTER TABLE {ident(table)} ALTER COLUMN {ident(name)} TYPE {pg_type(kind)} USING {using}")

    def lock_schema(self, execute: Execute) -> None:
        """Hold an advisory lock: `CREATE TABLE IF NOT EXISTS` alone does not keep two from making one."""
        execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK)

    def lock_load(self, execute: Execute, load_id: str) -> None:
        """Hold the load's lease row alone."""
        execute("SELECT 1 FROM _loadloom_leases WHERE load_id = $1 FOR UPDATE", load_id)

    def lock_table(self, execute: Execute, table: str) -> None:
        """Let others read only."""
        execute(f"LOCK TABLE {ident(table)} IN SHARE ROW EXCLUSIVE MODE")

    # -- errors

    def is_terminal(self, error: Exception) -> bool:
        """Whether the data, the statement or the schema is to blame."""
        if isinstance(error, psycopg.Error):
            return (error.sqlstate or "")[:2] in _TERMINAL
        return isinstance(error, duckdb_destination.TERMINAL)

    def explain(self, error: Exception, job: RunnableLoadJob) -> str:
        """What is wrong, with the column and the row of the job's file."""
        if not isinstance(error, psycopg.Error):
            return explain_file(error, job.spec.format, job.path)
        if isinstance(error, (errors.CharacterNotInRepertoire, errors.UntranslatableCharacter)):
            with self.reader() as reader:
                if where := _nul(reader, job):
                    return f"{where}, which PostgreSQL cannot store as text"
        return _words(error)


def _worker_name(load_id: str) -> str:
    """What a connection is called while a job of the load has its transaction open; the server cuts at 63 bytes."""
    return f"{_NAME} {load_id}"[:63]


def _words(error: psycopg.Error) -> str:
    """One line: the message, the detail, and the place in the data."""
    diag = error.diag
    if not diag.message_primary:
        return " ".join(str(error).split()) or type(error).__name__
    parts = [diag.message_primary, *(part for part in (diag.message_detail, diag.context) if part)]
    return "; ".join(" ".join(part.split()) for part in parts)[:500]


def _nul(reader: duckdb.DuckDBPyConnection, job: RunnableLoadJob) -> str | None:
    """The first row and column of a job's file with a NUL character, in words."""
    if job.spec.format != "parquet":
        return None
    for name, _ in job.spec.columns:
        text = f"CAST({ident(name)} AS VARCHAR)"
        found = reader.execute(
            f"SELECT min(row) FROM (SELECT {text} AS v, row_number() OVER () AS row FROM read_parquet(?)) "
            r"WHERE contains(v, chr(0)) OR contains(v, '\u0000')",
            [pattern(job.path)],
        ).fetchall()[0][0]
        if found is not None:
            return f"row {found}: column {name!r} has a NUL character (U+0000)"
    return None


def _option(value: str) -> str:
    """A value as it goes into libpq's `options`, where blanks and backslashes separate."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
