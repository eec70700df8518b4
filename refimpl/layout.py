"""How a text file is laid out, from its head: an array of JSON or objects one a line; a CSV file's header."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import IO

from refimpl.errors import SourceError

_DELIMITERS = ",;\t|"
_HEAD = 1 << 16


@dataclass(frozen=True)
class Layout:
    """What files must have in common to be read by one query."""

    format: str  # csv, json (an array), jsonl (objects, one a line) or parquet; whatever the file's name says
    delimiter: str = ""  # of a CSV file
    names: tuple[str, ...] = ()  # of a CSV file's columns: none empty, no two the same in any case


def layout_of(path: str, fmt: str, *, tabs: bool = False) -> Layout:
    """The layout of the plain file at `path`, whose name says `fmt`. `tabs`: its name says that tabs are the delimiter.

    Raises SourceError when its head is not that of a table; OSError, UnicodeDecodeError or csv.Error.
    """
    if fmt == "parquet":
        return Layout(fmt)
    return _csv_layout(path, tabs) if fmt == "csv" else Layout(_json_shape(path, fmt))


def _json_shape(path: str, fmt: str) -> str:
    with open(path, encoding="utf-8") as file:
        line, number = _first_line(file)
        if line.startswith("\ufeff"):
            raise SourceError("line 1: begins with a byte order mark; save it as UTF-8 without one")
        if line.startswith("["):
            if fmt == "json":
                return "json"
            raise SourceError(f"line {number}: a JSON array where an object was expected; name it .json")
        if fmt == "jsonl" or not line:
            return fmt
        following, _ = _first_line(file)
        if following.startswith("{") and _is_object(line):
            return "jsonl"
        what = "one JSON object" if line.startswith("{") else "no JSON array"
        raise SourceError(f"{what}; a table is an array of objects, or objects one a line")


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


def _csv_layout(path: str, tabs: bool) -> Layout:
    with open(path, encoding="utf-8-sig", newline="") as file:
        head, number = _first_line(file)
        delimiter = "\t" if tabs else _delimiter(head)
        file.seek(0)
        header = next(csv.reader(file, delimiter=delimiter), None)
    if not header or number > 1:  # DuckDB would take a blank first line for the header
        raise SourceError("line 1: empty; a CSV file begins with a line of column names")
    return Layout("csv", delimiter, tuple(_unique(header)))


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
