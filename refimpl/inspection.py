"""Files into Parquet files of rows, with the type of each column that holds every value without loss.

What is refused here never gets into a package. A text file is parsed once for its rows (JSON once more, for its keys);
types are then worked out on the columns of the Parquet files, where a value may still be text: it is cast when loaded.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from refimpl.columns import UNKNOWN, Columns, is_nested, is_temporal
from refimpl.diagnosis import bad_json_line
from refimpl.errors import SourceError
from refimpl.layout import Layout
from refimpl.reading import SETTINGS, ident, literal, pattern, read_csv, read_json, stored_kind
from refimpl.sources import Source

_LARGE = 1 << 25  # bytes of a pack from which on the width of its rows is looked at
_GROUP_BYTES = 1 << 25  # of source text in one row group, which DuckDB holds in memory
_GROUP_ROWS = (2048, 122_880)  # the fewest and the most rows in one
_AT_ONCE = 100  # columns looked at in one query: its planning grows faster than their number
_MEMORY = 2 << 30  # bytes that DuckDB may use
_MAX_OBJECT = (1 << 24, 1 << 30)  # bytes of one JSON value: at first, and at most
_EXACT = 1 << 53  # integers from here on may not be exact as doubles


@dataclass(frozen=True)
class Input:
    """A source with the plain file that it is read from."""

    source: Source
    path: str


@dataclass(frozen=True)
class Pack:
    """Files of one table and one layout, read by one query."""

    table: str
    layout: Layout
    files: tuple[Input, ...]

    @property
    def patterns(self) -> list[str]:
        """Their paths as DuckDB takes them."""
        return [pattern(file.path) for file in self.files]

    @property
    def size(self) -> int:
        """Their bytes, compressed or not."""
        return sum(os.path.getsize(file.path) for file in self.files)


@dataclass(frozen=True)
class Extract:
    """What a pack holds: columns, () when there is no row to tell; and Parquet files of its rows, each for one job."""

    columns: Columns
    files: tuple[str, ...]


class Extractor:
    """Reads packs, in bounded memory. Raises duckdb.Error for what is no table, SourceError, OSError.

    Args: `folder` for what does not fit into memory; `ordered` keeps the rows in their order, which is slower.
    """

    def __init__(self, folder: str, ordered: bool = False) -> None:
        self._connection = duckdb.connect()
        self._max_object = _MAX_OBJECT[0]
        if ordered:
            self._connection.execute("SET threads=1")  # more of them write row groups as they get ready
        self._connection.execute(f"{SETTINGS}; SET memory_limit='{_MEMORY}B'")
        self._connection.execute(f"SET temp_directory={literal(os.path.join(folder, 'spill'))}")

    def close(self) -> None:
        """Let go of what is held open."""
        self._connection.close()

    def extract(self, pack: Pack, target: str) -> Extract:
        """The rows of `pack` as Parquet files below the directory `target`, which must not exist yet."""
        if pack.layout.format == "csv":
            return self._extract_csv(pack, target)
        if pack.layout.format == "parquet":
            return self._extract_parquet(pack, target)
        self._max_object = _MAX_OBJECT[0]
        while True:
            try:
                return self._extract_json(pack, target)
            except duckdb.Error as error:
                if "maximum_object_size" not in str(error) or self._max_object >= _MAX_OBJECT[1]:
                    raise
            # DuckDB keeps room for two such objects for each thread: for large ones only where there are any.
            self._max_object *= 4
            self._connection.execute(f"SET memory_limit='{_MEMORY + 8 * self._max_object}B'")
            target += ".large"

    # -- the three formats

    def _extract_csv(self, pack: Pack, target: str) -> Extract:
        names = pack.layout.names
        files = self._copy(f"SELECT * FROM {read_csv(names, pack.layout.delimiter)}", pack, target)
        kinds: list[str] = []
        for start in range(0, len(names), _AT_ONCE):
            kinds += self._csv_kinds(files, names[start : start + _AT_ONCE])
        return Extract(tuple(zip(names, kinds)), files)

    def _extract_parquet(self, pack: Pack, target: str) -> Extract:
        reader = "read_parquet(?, union_by_name=true)"
        columns = tuple((name, "JSON" if is_nested(kind) else kind) for name, kind in self._describe(reader, pack))
        nested = [f"to_json({ident(name)}) AS {ident(name)}" for name, kind in columns if kind == "JSON"]
        replaced = f" REPLACE ({', '.join(nested)})" if nested else ""
        return Extract(columns, self._copy(f"SELECT *{replaced} FROM {reader}", pack, target))

    def _extract_json(self, pack: Pack, target: str) -> Extract:
        columns = self._json_columns(pack)
        if not columns:
            return Extract((), ())
        kinds = dict(columns)
        stored = {name: stored_kind(kind) for name, kind in columns}
        files = self._copy(f"SELECT * FROM {read_json(pack.layout.format, stored, self._max_object)}", pack, target)
        doubtful = self._doubtful(files, columns)
        again = {name for name in doubtful if stored[name] != "VARCHAR"}
        kinds.update({name: "VARCHAR" for name in doubtful if name not in again or kinds[name] == "JSON"})
        if again:
            stored.update(dict.fromkeys(again, "VARCHAR"))
            reader = read_json(pack.layout.format, stored, self._max_object)
            files = self._copy(f"SELECT * FROM {reader}", pack, target + ".text")
            doubles = [name for name in again if kinds[name] == "DOUBLE"]
            kinds.update(dict.fromkeys(self._not_doubles(files, doubles), "VARCHAR"))
        kinds.update(self._times(files, [name for name, kind in columns if kind == "VARCHAR"]))
        return Extract(tuple((name, kinds[name]) for name, _ in columns), files)

    # -- JSON

    def _json_columns(self, pack: Pack) -> Columns:
        """The keys of all objects and DuckDB's type of each; () when there are no rows."""
        reading = f"format={literal(_SHAPE[pack.layout.format])}, maximum_object_size={self._max_object}"
        # Every row of every file; and many keys of one type are columns, not one column of maps.
        everything = f"sample_size=-1, maximum_sample_files={1 << 31}, map_inference_threshold=-1"
        columns = self._describe(f"read_json(?, {reading}, {everything})", pack)
        if len(columns) == 1 and columns[0][0] == "json":
            # Also what DuckDB says when there are no rows, or when some are no objects, or none has a key.
            count = "SELECT count(*), count(*) FILTER (json_type(json) <> 'OBJECT')"
            total, others = self._row(f"{count} FROM read_json_objects(?, {reading})", pack.patterns)
            if others:
                bad = bad_json_line(pack.files[0].path) if pack.layout.format == "jsonl" else None
                raise SourceError(bad or f"{others} of {total} elements are no JSON objects; a row must be one")
            if not total:
                return ()
            if not _has_key(pack, "json"):
                raise SourceError("no row has a key, so there is no column")
        names = {name.lower() for name, _ in columns}
        for name, _ in columns:
            clash = re.fullmatch(r"(.+)_\d+", name)
            if clash and clash[1].lower() in names and not _has_key(pack, name):
                raise SourceError(f"keys that differ only in case, as {clash[1]!r}; no table can hold both")
        return columns

    def _doubtful(self, files: Sequence[str], columns: Columns) -> set[str]:
        """The columns whose type does not hold their values as they are, or is wider than need be.

        DuckDB recognises dates that a cast does not take, such as 12/31/99; makes doubles of integers past 64 bits; and
        JSON of values that differ in type, though they be plain.
        """
        tests = [(name, _DOUBTS[kind].format(ident(name), kind)) for name, kind in columns if kind in _DOUBTS]
        tests += [(n, _BAD_TIME.format(ident(n), kind)) for n, kind in columns if is_temporal(kind)]
        return self._columns_where(files, tests)

    def _not_doubles(self, files: Sequence[str], names: Sequence[str]) -> set[str]:
        """The columns in which a number would be another one as a double."""
        return self._columns_where(files, [(name, _NO_DOUBLE.format(ident(name))) for name in sorted(names)])

    def _times(self, files: Sequence[str], names: Sequence[str]) -> dict[str, str]:
        """The texts that are all times: DuckDB does not recognise fractions of a second."""
        found: dict[str, str] = {}
        for start in range(0, len(names), _AT_ONCE):
            part = names[start : start + _AT_ONCE]
            pairs = ", ".join(f"[min({ident(name)}), max({ident(name)})]" for name in part)
            ends = self._row(f"SELECT {pairs} FROM read_parquet(?)", list(files))
            # The first and last text cost next to nothing, and rule out nearly all columns.
            likely = [name for name, pair in zip(part, ends) if all(re.match(_DAY, text or "") for text in pair)]
            kinds = self._csv_kinds(files, likely) if likely else []
            found.update((name, kind) for name, kind in zip(likely, kinds) if is_temporal(kind))
        return found

    def _columns_where(self, files: Sequence[str], tests: Sequence[tuple[str, str]]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(tests), _AT_ONCE):
            part = tests[start : start + _AT_ONCE]
            row = self._row(f"SELECT {', '.join(test for _, test in part)} FROM read_parquet(?)", list(files))
            found.update(name for (name, _), holds in zip(part, row) if holds)
        return found

    # -- CSV

    def _csv_kinds(self, files: Sequence[str], names: Sequence[str]) -> list[str]:
        """The type of each of the columns `names`, from all their values."""
        values = ", ".join(map(ident, names))
        query = (
            f"SELECT i, coalesce(bit_or({_CLASS}), 0) FROM (SELECT unnest([{values}]) AS v, "
            f"unnest(range({len(names)})) AS i FROM read_parquet(?)) GROUP BY i"
        )
        found = dict(self._connection.execute(query, [list(files)]).fetchall())
        return [_CSV_KINDS.get(found.get(index, 0), "VARCHAR") for index in range(len(names))]

    # -- helpers

    def _describe(self, reader: str, pack: Pack) -> Columns:
        rows: list[Any] = self._connection.execute(f"DESCRIBE SELECT * FROM {reader}", [pack.patterns]).fetchall()
        return tuple((row[0], row[1]) for row in rows)

    def _row(self, query: str, paths: list[str]) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._connection.execute(query, [paths]).fetchall()[0]
        return row

    def _copy(self, query: str, pack: Pack, target: str) -> tuple[str, ...]:
        rows = self._group_rows(pack)
        self._connection.execute(
            f"COPY ({query}) TO {literal(target)} (FORMAT parquet, ROW_GROUP_SIZE {rows}, ROW_GROUPS_PER_FILE 2)",
            [pack.patterns],
        )
        names = sorted(os.listdir(target), key=lambda name: (len(name), name))  # data_2 before data_10
        return tuple(os.path.join(target, name) for name in names)

    def _group_rows(self, pack: Pack) -> int:
        """Rows in a row group, so that memory is bounded however wide they are; two groups make a job."""
        fewest, most = _GROUP_ROWS
        if pack.size < _LARGE:
            return most
        first = pack.files[0].path
        if pack.layout.format == "parquet":
            sizes = "SELECT sum(total_uncompressed_size) / greatest(max(row_group_num_rows), 1)"
            width = self._row(f"{sizes} FROM parquet_metadata(?) WHERE row_group_id = 0", [pattern(first)])[0]
        elif pack.layout.format == "json":
            options = f"format='array', maximum_object_size={self._max_object}"
            head = f"SELECT json FROM read_json_objects(?, {options}) LIMIT 1000"
            width = self._row(f"SELECT avg(strlen(json)) FROM ({head})", [pattern(first)])[0]
        else:
            with open(first, "rb") as file:
                head_bytes = file.read(1 << 20)
            width = len(head_bytes) / max(head_bytes.count(b"\n"), 1)
        return int(min(max(_GROUP_BYTES / max(width or 1, 1), fewest), most))


_SHAPE = {"json": "array", "jsonl": "newline_delimited"}

_BAD_TIME = "count({0}) <> count(TRY_CAST({0} AS {1}))"
_DOUBTS: Mapping[str, str] = {
    "DOUBLE": f"bool_or(abs({{0}}) >= {_EXACT} AND {{0}} = trunc({{0}}))",
    "JSON": "bool_and(json_type({0}) NOT IN ('OBJECT', 'ARRAY'))",
}
_NO_DOUBLE = "bool_or(regexp_full_match({0}, '-?[0-9]{{16,}}') OR isinf(TRY_CAST({0} AS DOUBLE)))"

_NUMBER = "'[-+]?(0|[1-9][0-9]*)?([.][0-9]*)?([eE][-+]?[0-9]+)?'"
_LONG = "'[-+]?[0-9]{16,}'"  # an identifier more likely than a number, and a double rounds it
_DAY = "[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
_TIME = f"{_DAY}[T ][0-9:.]+"
_ZONE = "(Z|[-+][0-9]{2}(:?[0-9]{2})?)"

# The narrowest type of one text v of a CSV file, as a bit. Only what is that type without loss: '007' stays text.
_CLASS = f"""CASE WHEN v IS NULL THEN 0
WHEN CAST(TRY_CAST(v AS BIGINT) AS VARCHAR) = v THEN 1
WHEN regexp_full_match(v, {_NUMBER}) AND NOT regexp_full_match(v, {_LONG}) AND TRY_CAST(v AS DOUBLE) IS NOT NULL THEN 2
WHEN lower(v) IN ('true', 'false') THEN 4
WHEN regexp_full_match(v, '{_DAY}') AND TRY_CAST(v AS DATE) IS NOT NULL THEN 8
WHEN regexp_full_match(v, '{_TIME}') AND TRY_CAST(v AS TIMESTAMP) IS NOT NULL THEN 16
WHEN regexp_full_match(v, '{_TIME}{_ZONE}') AND TRY_CAST(v AS TIMESTAMP WITH TIME ZONE) IS NOT NULL THEN 32
ELSE 64 END"""

# By the bits of all values; what is not here is text. No value at all: another file may know better.
_CSV_KINDS: Mapping[int, str] = {
    0: UNKNOWN,
    1: "BIGINT",
    2: "DOUBLE",
    3: "DOUBLE",
    4: "BOOLEAN",
    8: "DATE",
    16: "TIMESTAMP",
    24: "TIMESTAMP",
    32: "TIMESTAMP WITH TIME ZONE",
}


def _has_key(pack: Pack, name: str) -> bool:
    wanted = json.dumps(name)
    for input_ in pack.files:
        with open(input_.path, encoding="utf-8-sig") as file:
            if any(wanted in chunk for chunk in iter(lambda: file.readline(1 << 20), "")):
                return True
    return False
