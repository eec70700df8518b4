"""What databases that speak SQL have in common: the ledger's tables, and the write dispositions.

append   rows are added, job by job
replace  the table is emptied in the load's first transaction on it, which also records that it was: a resumed run finds
         the record and takes nothing out again. Readers see the table fill up
merge    rows go into a staging table, job by job. The transaction that records the load moves them over: rows with
         the same key go out, and of several new ones with one key the last of the last job stays
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from refimpl.columns import UNKNOWN, Columns, is_nested, union
from refimpl.destinations.ledger import LedgerDestination, LedgerRow
from refimpl.errors import DestinationError, TerminalError
from refimpl.package import Disposition, Evidence, JobSpec, Manifest
from refimpl.reading import ident

Execute = Callable[..., list[Any]]
"""Runs a statement with values for its `$1`, `$2`, ... in the open transaction; the rows that it returns."""

JOB, ROW = "_loadloom_job", "_loadloom_row"
"""The columns of a staging table that say where a row comes from."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS _loadloom_ledger (load_id VARCHAR, job_id VARCHAR, status VARCHAR, message VARCHAR, "
    "attempt INTEGER, row_count BIGINT, checksum VARCHAR, PRIMARY KEY (load_id, job_id))",
    "CREATE TABLE IF NOT EXISTS _loadloom_loads (load_id VARCHAR PRIMARY KEY, jobs BIGINT, failed BIGINT, "
    "row_count BIGINT)",
    "CREATE TABLE IF NOT EXISTS _loadloom_follow_ups (load_id VARCHAR, job_id VARCHAR, parent VARCHAR, "
    "table_name VARCHAR, options VARCHAR, PRIMARY KEY (load_id, job_id))",
    "CREATE TABLE IF NOT EXISTS _loadloom_tables (load_id VARCHAR, table_name VARCHAR, disposition VARCHAR, "
    "key_columns VARCHAR, PRIMARY KEY (load_id, table_name))",
)


class SqlDestination(LedgerDestination):
    """A database. What differs between them is in the methods that raise NotImplementedError."""

    def __init__(self) -> None:
        self._columns: dict[str, Columns] = {}
        self._dispositions: dict[str, Disposition] = {}

    def transaction(self) -> AbstractContextManager[Execute]:
        """A transaction over a connection of its own, committed at the end."""
        raise NotImplementedError

    def columns(self, execute: Execute, table: str) -> Columns:
        """The columns of a table, with DuckDB's names of their types; () when there is none."""
        raise NotImplementedError

    def widen(self, execute: Execute, table: str, existing: Columns, wanted: Columns) -> None:
        """Make the table, or add columns and change types. Raises DestinationError for what cannot be."""
        raise NotImplementedError

    def place(self) -> str:
        """Where this is, for messages."""
        raise NotImplementedError

    def lock_schema(self, execute: Execute) -> None:
        """Keep others from making or changing tables until the transaction ends."""

    def lock_load(self, execute: Execute, load_id: str) -> None:
        """Keep others from completing the same load until the transaction ends."""

    def lock_table(self, execute: Execute, table: str) -> None:
        """Keep others from writing to a table until the transaction ends."""

    # -- before the jobs

    def prepare(self, manifest: Manifest) -> None:
        """Make the tables, or add columns and widen types, each in a transaction with what its disposition asks for."""
        for table, specs in by_table(manifest):
            with self.transaction() as execute:
                self.lock_schema(execute)
                existing = self.columns(execute, table)
                wanted = columns_wanted(existing, specs)
                self.widen(execute, table, existing, wanted)
                self._dispose(execute, manifest, table, wanted)
            self._columns[table] = wanted
            self._dispositions[table] = manifest.disposition(table)

    def _dispose(self, execute: Execute, manifest: Manifest, table: str, columns: Columns) -> None:
        how = manifest.disposition(table)
        if how.kind == "append":
            return
        names = {name.lower(): name for name, _ in columns}
        missing = [name for name in how.key if name.lower() not in names]
        if missing:
            raise DestinationError(f"table {table}: no column {missing[0]!r} to merge by; there are {_list(columns)}")
        key = json.dumps([names[name.lower()] for name in how.key])
        insert = "INSERT INTO _loadloom_tables VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1"
        if not execute(insert, manifest.load_id, table, how.kind, key):
            return  # an earlier run of this load has been here
        if how.kind == "replace":
            execute(f"TRUNCATE {ident(table)}")
        else:
            ours = ((JOB, "VARCHAR"), (ROW, "BIGINT"))
            self.widen(execute, stage(manifest.load_id, table), (), (*columns, *ours))

    def columns_of(self, table: str) -> Columns:
        """The columns of a table as `prepare` left them."""
        return self._columns[table]

    def key_of(self, table: str) -> tuple[str, ...]:
        """The key that a table is merged by; () when it is not."""
        return self._dispositions[table].key

    def target_of(self, load_id: str, table: str) -> str:
        """The table that rows for `table` are to be inserted into."""
        return stage(load_id, table) if self._dispositions[table].kind == "merge" else table

    # -- the ledger

    def ledger(self, load_id: str) -> Mapping[str, Evidence]:
        """The terminal jobs of a load, each with its follow-ups."""
        return self._evidence(load_id, None)

    def find(self, load_id: str, job_id: str) -> Evidence | None:
        """What is known of one job of a load."""
        return self._evidence(load_id, job_id).get(job_id)

    def _evidence(self, load_id: str, job_id: str | None) -> dict[str, Evidence]:
        only, values = ("", [load_id]) if job_id is None else (" AND {} = $2", [load_id, job_id])
        follow_ups: dict[str, list[JobSpec]] = {}
        with self.transaction() as execute:
            rows = execute(
                "SELECT job_id, status, message, row_count, checksum FROM _loadloom_ledger WHERE load_id = $1"
                + only.format("job_id"),
                *values,
            )
            made = execute(
                "SELECT job_id, parent, table_name, options FROM _loadloom_follow_ups WHERE load_id = $1"
                + only.format("parent")
                + " ORDER BY job_id",
                *values,
            )
        for job, parent, table, options in made:
            spec = JobSpec(job, table, "none", "", 0, "", options=json.loads(options), parent=parent)
            follow_ups.setdefault(parent, []).append(spec)
        return {
            job: Evidence(status, message, count, tuple(follow_ups.get(job, ())), checksum)
            for job, status, message, count, checksum in rows
        }

    # -- after the jobs

    def complete_load(self, load_id: str) -> None:
        """Move what is to be merged into its tables and insert the load's row, unless that is there."""
        with self.transaction() as execute:
            self.lock_load(execute, load_id)
            if _is_loaded(execute, load_id):
                return
            query = "SELECT table_name, key_columns FROM _loadloom_tables WHERE load_id = $1 AND disposition = 'merge'"
            for table, key in execute(f"{query} ORDER BY table_name", load_id):
                self._merge(execute, load_id, table, json.loads(key))
            execute(
                "INSERT INTO _loadloom_loads SELECT CAST($1 AS VARCHAR), count(*), "
                "count(*) FILTER (WHERE status = 'failed'), CAST(coalesce(sum(row_count), 0) AS BIGINT) "
                "FROM _loadloom_ledger WHERE load_id = CAST($1 AS VARCHAR) ON CONFLICT DO NOTHING",
                load_id,
            )

    def _merge(self, execute: Execute, load_id: str, table: str, key: Sequence[str]) -> None:
        staged = ident(stage(load_id, table))
        names = [name for name, _ in self.columns(execute, stage(load_id, table)) if name not in (JOB, ROW)]
        columns = ", ".join(map(ident, names))
        same = " AND ".join(f"old.{ident(name)} = new.{ident(name)}" for name in key)
        keys = ", ".join(map(ident, key))
        self.lock_table(execute, table)
        execute(f"DELETE FROM {ident(table)} AS old USING {staged} AS new WHERE {same}")
        execute(
            f"INSERT INTO {ident(table)} ({columns}) SELECT {columns} FROM (SELECT *, row_number() OVER "
            f"(PARTITION BY {keys} ORDER BY {JOB} DESC, {ROW} DESC) AS _loadloom_rank FROM {staged}) AS latest "
            "WHERE _loadloom_rank = 1"
        )
        execute(f"DROP TABLE {staged}")

    def is_loaded(self, load_id: str) -> bool:
        """Whether the load has its row."""
        with self.transaction() as execute:
            return _is_loaded(execute, load_id)


def add(execute: Execute, row: LedgerRow, follow_ups: Sequence[JobSpec]) -> bool:
    """Insert a ledger row and those of its follow-ups; False when the ledger has a row of that key already."""
    insert = "INSERT INTO _loadloom_ledger VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1"
    values = [row.load_id, row.job_id, row.status, row.message, row.attempt, row.rows, row.checksum]
    if not execute(insert, *values):
        return False
    for spec in follow_ups:
        values = [row.load_id, spec.job_id, spec.parent, spec.table, json.dumps(dict(spec.options))]
        execute("INSERT INTO _loadloom_follow_ups VALUES ($1, $2, $3, $4, $5)", *values)
    return True


def stage(load_id: str, table: str) -> str:
    """The name of the table where rows wait to be merged into `table`."""
    return "_loadloom_stage_" + hashlib.sha256(f"{load_id} {table}".encode()).hexdigest()[:24]


def no_key(columns: Columns, key: Sequence[str]) -> str:
    """The condition that a row of a file has no value in one of the key's columns."""
    names = {name.lower(): name for name, _ in columns}
    tests = [f"{ident(names[name.lower()])} IS NULL" if name.lower() in names else "true" for name in key]
    return " OR ".join(tests)


def refuse_rows_without_key(count: int, key: Sequence[str]) -> None:
    """Raises TerminalError when there are any: they could neither replace a row nor be replaced."""
    if count:
        raise TerminalError(f"{count} rows have no value in the key ({', '.join(key)}), so they cannot be merged")


def _is_loaded(execute: Execute, load_id: str) -> bool:
    return bool(execute("SELECT 1 FROM _loadloom_loads WHERE load_id = $1", load_id))


def _list(columns: Columns) -> str:
    names = [name for name, _ in columns]
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def by_table(manifest: Manifest) -> list[tuple[str, list[JobSpec]]]:
    """The jobs with rows of each table, sorted by table."""
    tables: dict[str, list[JobSpec]] = {}
    for spec in manifest.jobs:
        if spec.columns:
            tables.setdefault(spec.table, []).append(spec)
    return sorted(tables.items())


def columns_wanted(existing: Columns, files: Sequence[JobSpec]) -> Columns:
    """The columns that the table must have. What is nested in a file is JSON; a table's own nested columns stay."""
    incoming = [tuple((name, "JSON" if is_nested(kind) else kind) for name, kind in spec.columns) for spec in files]
    merged = union([existing, *incoming])
    return tuple((name, "VARCHAR" if kind == UNKNOWN else kind) for name, kind in merged)
