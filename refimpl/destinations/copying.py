"""A job's file into a table by COPY: DuckDB writes CSV into a pipe, PostgreSQL reads it, neither holds it all.

Both ends are ours, so the text between them is as strict as it can be: nothing but NULL is unquoted and empty.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import duckdb

from refimpl.columns import Columns
from refimpl.destinations.pgtypes import as_text
from refimpl.destinations.sql import JOB, ROW, no_key, refuse_rows_without_key
from refimpl.reading import ident, literal, pattern, relation

if TYPE_CHECKING:
    import psycopg

    from refimpl.destinations.ledger import LedgerJob
    from refimpl.destinations.sql import SqlDestination

_CHUNK = 1 << 18


def copy_rows(
    connection: psycopg.Connection[Any],
    reader: duckdb.DuckDBPyConnection,
    destination: SqlDestination,
    job: LedgerJob,
) -> int:
    """Copy the rows of the job's file into its table, in the open transaction; their number.

    Raises psycopg.Error or duckdb.Error; the transaction is of no use then. TerminalError for rows without a key.
    """
    spec = job.spec
    source = relation(spec.format, spec.columns, spec.options)
    fields, columns = _fields(spec.columns, destination.columns_of(spec.table))
    key = destination.key_of(spec.table)
    if key:
        count = f"SELECT count(*) FROM {source} WHERE {no_key(spec.columns, key)}"
        refuse_rows_without_key(reader.execute(count, [pattern(job.path)]).fetchall()[0][0], key)
        fields += [f"{literal(spec.job_id)} AS {JOB}", f"row_number() OVER () AS {ROW}"]
        columns += [JOB, ROW]
    target = ident(destination.target_of(job.load_id, spec.table))
    statement = f"COPY {target} ({', '.join(map(ident, columns))}) FROM STDIN (FORMAT csv)"
    with _Pipe(reader, f"SELECT {', '.join(fields)} FROM {source}", pattern(job.path)) as pipe:
        cursor = connection.cursor()
        with cursor.copy(statement.encode()) as copy:
            while chunk := os.read(pipe.end, _CHUNK):
                copy.write(chunk)
            pipe.check()  # raises within the COPY, so that it is not taken for whole
        return cursor.rowcount


def _fields(file: Columns, table: Columns) -> tuple[list[str], list[str]]:
    """What to select from the file, and the columns of the table that it goes into."""
    known = {name.lower(): (name, kind) for name, kind in table}
    targets = [known[name.lower()] for name, _ in file]
    fields = [f"{as_text(name, kind, target[1])} AS {ident(name)}" for (name, kind), target in zip(file, targets)]
    return fields, [name for name, _ in targets]


class _Pipe:
    """A query's result as CSV, read from `end`, written by a thread of its own."""

    def __init__(self, reader: duckdb.DuckDBPyConnection, query: str, path: str) -> None:
        self._reader = reader
        self.end, self._entry = os.pipe()
        self._statement = (
            f"COPY ({query}) TO '/dev/fd/{self._entry}' (FORMAT csv, HEADER false, FORCE_QUOTE *, USE_TMP_FILE false)"
        )
        self._path = path
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="loadloom-copy", daemon=True)

    def check(self) -> None:
        """Wait for the writer to end. Raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        try:
            self._reader.execute(self._statement, [self._path])
        except BaseException as error:
            self._error = error
        finally:
            os.close(self._entry)  # the reader finds the end

    def __enter__(self) -> _Pipe:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        os.close(self.end)  # a writer that is still at it gets an error
        self._thread.join()
