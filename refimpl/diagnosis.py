"""One line for a person about what is wrong with a file, from what DuckDB or Python says of it."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator

_WHOLE = 1 << 26  # bytes of a JSON array that is parsed again for the line of its error


def explain(error: Exception, fmt: str, path: str) -> str:
    """What is wrong with the plain file at `path`, and in which line where that can be told."""
    if isinstance(error, UnicodeDecodeError) or "unicode" in str(error).lower() or "utf-8" in str(error).lower():
        return _not_utf8(path)
    if isinstance(error, csv.Error):
        return f"not a CSV file: {error}"
    if fmt == "jsonl" and (bad := _bad_line(path)):
        return bad
    if fmt == "json" and (bad := _bad_array(path)):
        return bad
    text = str(error)
    if fmt == "csv" and "invalid state" in text and (bad := _mixed_line_ends(path)):
        return bad
    text = text.split("Possible ")[0].replace("\n\nLINE", "\0").split("\0")[0].split("Try setting")[0]
    line = re.search(r"CSV Error on Line: (\d+)", text)
    lines = [part.strip() for part in text.splitlines() if part.strip()]
    if line:
        return f"line {line[1]}: {'; '.join(part for part in lines[1:] if not part.startswith('Original Line'))}"[:300]
    return re.sub(r'^[A-Z]\w+( \w+)* Error: |( in)? file "[^"]*"', "", " ".join(lines))[:300]


def bad_json_line(path: str) -> str | None:
    """What is wrong with the first line that is no JSON object; None when Python's parser finds none."""
    return _bad_line(path)


def _bad_line(path: str) -> str | None:
    for number, line in _lines(path):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return f"line {number}: not a JSON object"
        except ValueError as error:
            return f"line {number}: not valid JSON: {str(error).split(':')[0]}"
    return None


def _bad_array(path: str) -> str | None:
    if os.path.getsize(path) > _WHOLE:
        return None
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        try:
            json.load(file)
        except json.JSONDecodeError as error:
            return f"line {error.lineno}: not valid JSON: Malformed JSON, {error.msg}"
    return None


def _not_utf8(path: str) -> str:
    with open(path, "rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "UTF-16 text; convert it to UTF-8 first"
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"line {number}: not UTF-8 text at byte {error.start + 1} of the line; convert the file first"
    return "not UTF-8 text; convert it first"


def _mixed_line_ends(path: str) -> str | None:
    ends = None
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            windows = line.endswith(b"\r\n")
            if ends is not None and windows != ends:
                return f"line {number}: ends with {_END[windows]}, those before with {_END[ends]}; use one of them"
            ends = windows
    return None


_END = {True: r"\r\n", False: r"\n"}


def _lines(path: str) -> Iterator[tuple[int, str]]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        yield from enumerate(file, 1)
