"""Looks into a source: is it a table, and with which columns? What is refused here never gets into a package."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import IO, Any

import duckdb

from refimpl.columns import UNKNOWN, Columns, is_temporal
from refimpl.errors import SourceError
from refimpl.reading import ident, pattern, relation
from refimpl.sources import Source

_DELIMITERS = ",;\t|"
_HEAD = 1 << 16
_AT_ONCE = 50  # columns of a CSV file looked at in one query: its planning grows with their square

_NUMBER = "'[-+]?(0|[1-9][0-9]*)?([.][0-9]*)?([eE][-+]?[0-9]+)?'"
_WHOLE = "'-?(0|[1-9][0-9]*)'"
_LONG = "regexp_full_match({0}, '[-+]?[0-9]{{16,}}')"  # an identifier more likely than a number, and a double rounds it
_DAY = "[0-9]{{4}}[-/][0-9]{{2}}[-/][0-9]{{2}}"

# A text column of a CSV file gets the first of these types that holds every value without loss: '007' stays text.
_CSV_TYPES = (
    ("BOOLEAN", "lower({0}) IN ('true', 'false')"),
    ("BIGINT", f"regexp_full_match({{0}}, {_WHOLE}) AND TRY_CAST({{0}} AS BIGINT) IS NOT NULL"),
    ("DOUBLE", f"regexp_full_match({{0}}, {_NUMBER}) AND NOT {_LONG} AND TRY_CAST({{0}} AS DOUBLE) IS NOT NULL"),
    ("DATE", f"regexp_full_match({{0}}, '{_DAY}') AND TRY_CAST({{0}} AS DATE) IS NOT NULL"),
    ("TIMESTAMP", f"regexp_full_match({{0}}, '{_DAY}[T ][0-9:.]+') AND TRY_CAST({{0}} AS TIMESTAMP) IS NOT NULL"),
)


@dataclass(frozen=True)
class Inspected:
    """What a source holds."""

    format: str  # a .json file may turn out to be lines of JSON
    columns: Columns  # () when there is no row to tell
    options: dict[str, str]


def inspect(source: Source) -> Inspected:
    """Look at the whole of `source`. Raises SourceError, naming file and line where known, if it is no table."""
    connection = duckdb.connect()
    try:
        if source.format == "parquet":
            return Inspected("parquet", _describe(connection, "read_parquet(?)", source.path), {})
        if source.format == "csv":
            return _inspect_csv(connection, source)
        return _inspect_json(connection, source)
    except duckdb.Error as error:
        raise SourceError(f"{source.path}: {explain(error, source.format, source.path)}") from error
    except csv.Error as error:
        raise SourceError(f"{source.path}: not a CSV file: {error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{source.path}: not UTF-8 text; convert it first") from error
    except OSError as error:
        raise SourceError(f"{source.path}: cannot be read: {error.strerror}") from error
    finally:
        connection.close()


def explain(error: Exception, fmt: str, path: str) -> str:
    """One line that says what is wrong with the file at `path`, from what DuckDB says of it."""
    if fmt == "jsonl" and (bad := _first_bad_line(path)):
        return bad
    text = str(error).split("Possible ")[0].replace("\n\nLINE", "\0").split("\0")[0].split("Try setting")[0]
    line = re.search(r"CSV Error on Line: (\d+)", text)
    lines = [part.strip() for part in text.splitlines() if part.strip()]
    if line:
        return f"line {line[1]}: {'; '.join(part for part in lines[1:] if not part.startswith('Original Line'))}"[:300]
    return re.sub(r'^[A-Z]\w+( \w+)* Error: | in file "[^"]*"', "", " ".join(lines))[:300]


def _describe(connection: duckdb.DuckDBPyConnection, reader: str, path: str) -> Columns:
    rows: list[Any] = connection.execute(f"DESCRIBE SELECT * FROM {reader}", [pattern(path)]).fetchall()
    return tuple((row[0], row[1]) for row in rows)


# -- JSON


def _inspect_json(connection: duckdb.DuckDBPyConnection, source: Source) -> Inspected:
    fmt = _json_shape(source)
    shape = "array" if fmt == "json" else "newline_delimited"
    reading = f"format='{shape}', maximum_object_size={1 << 30}"
    columns = _describe(connection, f"read_json(?, {reading}, sample_size=-1)", source.path)
    if len(columns) == 1 and columns[0][0] == "json":
        # Also what DuckDB says when there are no rows, or when some are no objects.
        count = f"SELECT count(*), count(*) FILTER (json_type(json) <> 'OBJECT') FROM read_json_objects(?, {reading})"
        total, others = connection.execute(count, [pattern(source.path)]).fetchall()[0]
        if others:
            if fmt == "jsonl" and (bad := _first_bad_line(source.path)):
                raise SourceError(f"{source.path}: {bad}")
            raise SourceError(f"{source.path}: {others} of {total} elements are no JSON objects; a row must be one")
        if not total:
            return Inspected(fmt, (), {})
    names = {name.lower() for name, _ in columns}
    for name, _ in columns:
        if (clash := re.fullmatch(r"(.+)_\d+", name)) and clash[1].lower() in names and not _has_key(source, name):
            raise SourceError(f"{source.path}: keys that differ only in case, as {clash[1]!r}; no table can hold both")
    return Inspected(fmt, _settle_times(connection, fmt, columns, source.path), {})


def _json_shape(source: Source) -> str:
    """"json" for an array, "jsonl" for objects one a line, whatever the file's name says."""
    with open(source.path, encoding="utf-8") as file:
        line, number = _first_line(file)
        if line.startswith("\ufeff"):
            raise SourceError(f"{source.path}: line 1: begins with a byte order mark; save it as UTF-8 without one")
        if line.startswith("["):
            if source.format == "json":
                return "json"
            raise SourceError(f"{source.path}: line {number}: a JSON array where an object was expected; name it .json")
        if source.format == "jsonl" or not line:
            return source.format
        following, _ = _first_line(file)
        if following.startswith("{") and _is_object(line):
            return "jsonl"
        what = "one JSON object" if line.startswith("{") else "no JSON array"
        raise SourceError(f"{source.path}: {what}; a table is an array of objects, or objects one a line")


def _first_line(file: IO[str]) -> tuple[str, int]:
    """The next line that is not blank, or the beginning of it if it is long, and its number."""
    number = 0
    while line := file.readline(_HEAD):
        number += 1
        if line.strip():
            return line.strip(), number
    return "", number


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _has_key(source: Source, name: str) -> bool:
    wanted = json.dumps(name)
    with open(source.path, encoding="utf-8-sig") as file:
        return any(wanted in chunk for chunk in iter(lambda: file.readline(1 << 20), ""))


def _first_bad_line(path: str) -> str | None:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return f"line {number}: not a JSON object"
            except ValueError as error:
                return f"line {number}: not valid JSON: {str(error).split(':')[0]}"
    return None


def _settle_times(connection: duckdb.DuckDBPyConnection, fmt: str, columns: Columns, path: str) -> Columns:
    """DuckDB also recognises dates that a cast does not take, such as 12/31/99: those stay text."""
    times = [(name, kind) for name, kind in columns if is_temporal(kind)]
    if not times:
        return columns
    good = ", ".join(f"count({ident(name)}) = count(TRY_CAST({ident(name)} AS {kind}))" for name, kind in times)
    row = connection.execute(f"SELECT {good} FROM {relation(fmt, columns, {})}", [pattern(path)]).fetchall()[0]
    text = {name for (name, _), fits in zip(times, row) if not fits}
    return tuple((name, "VARCHAR" if name in text else kind) for name, kind in columns)


# -- CSV


def _inspect_csv(connection: duckdb.DuckDBPyConnection, source: Source) -> Inspected:
    with open(source.path, encoding="utf-8-sig", newline="") as file:
        head, number = _first_line(file)
        delimiter = "\t" if source.path.lower().endswith(".tsv") else _delimiter(head)
        file.seek(0)
        header = next(csv.reader(file, delimiter=delimiter), None)
    if not header or number > 1:  # DuckDB would take a blank first line for the header
        raise SourceError(f"{source.path}: line 1: empty; a CSV file begins with a line of column names")
    names = _unique(header)
    options = {"delimiter": delimiter}
    reader = relation("csv", tuple((name, "VARCHAR") for name in names), options)
    columns: list[tuple[str, str]] = []
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        columns += zip(part, _csv_types(connection, reader, part, source.path))
    return Inspected("csv", tuple(columns), options)


def _csv_types(connection: duckdb.DuckDBPyConnection, reader: str, names: list[str], path: str) -> list[str]:
    """The type of each of the columns `names`, from all their values."""
    test = "bool_and({1}) FILTER ({0} IS NOT NULL)"  # a missing value fits every type
    tests = [test.format(quoted, fits.format(quoted)) for quoted in map(ident, names) for _, fits in _CSV_TYPES]
    row = connection.execute(f"SELECT {', '.join(tests)} FROM {reader}", [pattern(path)]).fetchall()[0]
    types = []
    for index in range(0, len(row), len(_CSV_TYPES)):
        verdicts = row[index : index + len(_CSV_TYPES)]
        fits = [kind for (kind, _), verdict in zip(_CSV_TYPES, verdicts) if verdict]
        # None: no value at all, so any type will do and another file may know better.
        types.append(UNKNOWN if verdicts[0] is None else fits[0] if fits else "VARCHAR")
    return types


def _delimiter(line: str) -> str:
    """The likeliest delimiter of a header line: the most frequent one outside quotes; a comma if there is none."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(_DELIMITERS, key=bare.count)


def _unique(header: list[str]) -> list[str]:
    """Column names, none empty and no two the same in any case."""
    names: list[str] = []
    seen: set[str] = set()
    for number, name in enumerate(header):
        base = candidate = name.strip() or f"column{number}"
        count = 0
        while candidate.lower() in seen:
            count += 1
            candidate = f"{base}_{count}"
        seen.add(candidate.lower())
        names.append(candidate)
    return names
