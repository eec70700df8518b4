"""What the user wants loaded: files and directories of them, as tables."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from refimpl.copying import sha256_of
from refimpl.errors import SourceError

FORMATS = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
"""The formats by the ending of a file's name."""


@dataclass(frozen=True)
class Source:
    """A file to load."""

    path: str
    table: str
    format: str  # one of FORMATS
    checksum: str  # sha256 of its content


def find_sources(paths: Sequence[str]) -> list[Source]:
    """The files that `paths` name: each file itself, and the files of a known format in each directory, below it too.

    Hidden files and directories are passed over, and in a directory files of other formats as well. Sorted by table,
    then path. Raises SourceError for a path that is missing, unreadable or of another format, or when nothing is found.
    """
    files = [file for path in paths for file in _files(path)]
    sources = []
    for path in dict.fromkeys(files):
        try:
            checksum = sha256_of(path)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
        sources.append(Source(path, table_name(path), FORMATS[_ending(path)], checksum))
    return sorted(sources, key=lambda source: (source.table, source.path))


def table_name(path: str) -> str:
    """The table that a file goes into: its name without ending, in lower case, with `_` for what SQL would quote.

    It never begins with `_`, as the tables of the ledger do.
    """
    name = re.sub(r"\W+", "_", os.path.basename(path)[: -len(_ending(path)) or None].lower()).strip("_") or "data"
    name = f"t_{name}" if name[0].isdigit() else name
    return name[:60]


def _files(path: str) -> list[str]:
    if os.path.isfile(path):
        if _ending(path) not in FORMATS:
            known = ", ".join(FORMATS)
            raise SourceError(f"{path}: unknown kind of file; known endings are {known}")
        return [path]
    if not os.path.isdir(path):
        what = "not a file or directory" if os.path.lexists(path) else "no such file or directory"
        raise SourceError(f"{path}: {what}")
    found = []
    for folder, folders, names in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(folder, name) for name in sorted(names) if not name.startswith(".")]
    found = [file for file in found if _ending(file) in FORMATS and os.path.isfile(file)]
    if not found:
        raise SourceError(f"{path}: no JSON, JSONL, CSV or Parquet file in this directory")
    return found


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _refuse(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be read: {error.strerror}") from error
