"""SQL for DuckDB that reads files; `?` stands for their path or a list of paths (see `pattern`)."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping

from refimpl.columns import UNKNOWN, Columns, is_nested, is_temporal

SETTINGS = "SET TimeZone='UTC'; SET enable_progress_bar=false"
"""For each of our connections: times mean the same everywhere, and no progress is drawn on stdout."""

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
        return read_csv([name for name, _ in columns], options["delimiter"])
    return read_json(fmt, {name: stored_kind(kind) for name, kind in columns}, _MAX_OBJECT)


def read_csv(names: Iterable[str], delimiter: str) -> str:
    """The reader of a CSV file with a header: every column as text, what is empty as NULL."""
    kinds = _struct((name, "VARCHAR") for name in names)
    # No sniffing: where a line does not fit, DuckDB's sniffer begins below it and drops what is above.
    return (
        f"read_csv(?, auto_detect=false, header=true, delim={literal(delimiter)}, "
        f"quote='\"', escape='\"', max_line_size={1 << 24}, columns={kinds})"
    )


def read_json(fmt: str, kinds: Mapping[str, str], max_object: int) -> str:
    """The reader of an array ("json") or of lines ("jsonl") of objects, with its columns as of type `kinds`."""
    shape = "array" if fmt == "json" else "newline_delimited"
    columns = _struct(kinds.items())
    return f"read_json(?, format='{shape}', records='true', maximum_object_size={max_object}, columns={columns})"


def stored_kind(kind: str) -> str:
    """The type as which a JSON column of type `kind` is read and kept until it is loaded."""
    if is_nested(kind) or kind == UNKNOWN:
        return "JSON"
    # Times are read as text and cast: one rule for them, the ISO one. Parquet would keep a HUGEINT as a double.
    return "VARCHAR" if is_temporal(kind) or kind.endswith("HUGEINT") else kind


def selection(columns: Columns, table: Columns) -> str:
    """The list after SELECT: each of a file's `columns` under the name and as the type that `table` has for it."""
    targets = {name.lower(): (name, kind) for name, kind in table}
    pairs = ((name, kind, *targets[name.lower()]) for name, kind in columns)
    return ", ".join(f"{_convert(name, kind, wanted)} AS {ident(target)}" for name, kind, target, wanted in pairs)


def _convert(name: str, kind: str, wanted: str) -> str:
    column = ident(name)
    if kind == UNKNOWN:
        return f"CAST(NULL AS {wanted})"
    if wanted == "JSON":
        return column if kind == "JSON" or is_nested(kind) else f"to_json(CAST({column} AS {kind}))"
    return f"CAST({column} AS {wanted})"


def _struct(fields: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in fields) + "}"
