"""SQL for DuckDB that reads a job's file; `?` stands for its path (see `pattern`)."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping

from refimpl.columns import UNKNOWN, Columns, is_nested, is_temporal

_MAX_OBJECT = 1 << 30  # bytes of one JSON value; DuckDB's own limit of 16 MiB is met by real exports


def pattern(path: str) -> str:
    """The path as DuckDB's readers take it: they expand `*`, `?` and `[` in it."""
    return glob.escape(path)


def ident(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def relation(fmt: str, columns: Columns, options: Mapping[str, str]) -> str:
    """The reader of a file in format `fmt` with known `columns`, as it goes after FROM."""
    if fmt == "parquet":
        return "read_parquet(?)"
    if fmt == "csv":
        kinds = _struct((name, "VARCHAR") for name, _ in columns)
        # No sniffing: where a line does not fit, DuckDB's sniffer begins below it and drops what is above.
        delimiter = literal(options["delimiter"])
        return (
            f"read_csv(?, auto_detect=false, header=true, delim={delimiter}, "
            f"quote='\"', escape='\"', max_line_size={1 << 24}, columns={kinds})"
        )
    kinds = _struct((name, _json_kind(kind)) for name, kind in columns)
    shape = "array" if fmt == "json" else "newline_delimited"
    return f"read_json(?, format='{shape}', records='true', maximum_object_size={_MAX_OBJECT}, columns={kinds})"


def selection(columns: Columns, table: Mapping[str, str]) -> str:
    """The list after SELECT: each of a file's `columns` as the type that `table` has for its name in lower case."""
    return ", ".join(f"{_convert(name, kind, table[name.lower()])} AS {ident(name)}" for name, kind in columns)


def _convert(name: str, kind: str, wanted: str) -> str:
    column = ident(name)
    if kind == UNKNOWN:
        return f"CAST(NULL AS {wanted})"
    if wanted == "JSON":
        return column if kind == "JSON" else f"to_json({column})"
    return f"CAST({column} AS {wanted})"


def _json_kind(kind: str) -> str:
    if is_nested(kind) or kind == UNKNOWN:
        return "JSON"
    return "VARCHAR" if is_temporal(kind) else kind  # read as text and cast: one rule for dates, the ISO one


def _struct(fields: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in fields) + "}"
