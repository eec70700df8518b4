"""Column types of DuckDB and PostgreSQL: each other's names, and values as text that PostgreSQL reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from refimpl.columns import UNKNOWN, Columns, is_nested
from refimpl.errors import DestinationError
from refimpl.reading import ident

if TYPE_CHECKING:
    from refimpl.destinations.sql import Execute

_MOST_COLUMNS = 1600
_LONGEST_NAME = 63  # bytes; the server cuts longer ones without an error

_TO_PG: Mapping[str, str] = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "SMALLINT": "smallint",
    "USMALLINT": "integer",
    "INTEGER": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "numeric(39,0)",
    "HUGEINT": "numeric(39,0)",
    "UHUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "JSON": "jsonb",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIME WITH TIME ZONE": "time with time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp without time zone",
    "TIMESTAMP_MS": "timestamp without time zone",
    "TIMESTAMP_NS": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "BLOB": "bytea",
}
_FROM_PG: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "numeric(39,0)": "HUGEINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "text": "VARCHAR",
    "jsonb": "JSON",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "interval": "INTERVAL",
    "uuid": "UUID",
    "bytea": "BLOB",
}
_KEPT = "pg:"  # before a type of PostgreSQL's that we leave as it is: an enum, varchar(20), an array


def pg_type(kind: str) -> str:
    """PostgreSQL's name of a type."""
    if kind.startswith(_KEPT):
        return kind.removeprefix(_KEPT)
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        return f"numeric({decimal[1]},{decimal[2]})"
    return _TO_PG.get(kind, "text")


def columns_of(execute: Execute, table: str) -> Columns:
    """The columns of a table in the search path, with DuckDB's names of their types where there is one."""
    query = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    return tuple((name, _kind(found)) for name, found in execute(query, ident(table)))


def _kind(found: str) -> str:
    decimal = re.fullmatch(r"numeric\((\d+),(\d+)\)", found)
    if decimal and int(decimal[1]) <= 38:
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    return _FROM_PG.get(found, _KEPT + found)


def check_names(table: str, columns: Columns) -> None:
    """Raises DestinationError for what PostgreSQL would cut, or has no room for."""
    for name in (table, *(name for name, _ in columns)):
        if len(name.encode()) > _LONGEST_NAME:
            raise DestinationError(
                f"table {table}: PostgreSQL takes names of at most {_LONGEST_NAME} bytes; rename {name!r}"
            )
    if len(columns) > _MOST_COLUMNS:
        raise DestinationError(
            f"table {table}: {len(columns)} columns; PostgreSQL takes {_MOST_COLUMNS} at most; load it into DuckDB"
        )


def as_text(name: str, kind: str, wanted: str) -> str:
    """The expression for a file's column `name` of type `kind` as text for a column of type `wanted`."""
    column = ident(name)
    if kind == UNKNOWN:
        return "NULL"
    if wanted == "JSON":
        return column if kind == "JSON" or is_nested(kind) else f"to_json(CAST({column} AS {kind}))"
    if wanted == "BLOB" and kind == "BLOB":
        return f"'\\x' || hex({column})"
    if wanted.startswith(_KEPT):
        return column  # PostgreSQL reads what it can
    return f"CAST({column} AS {wanted})"
