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

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""The compressions by what may follow the ending of the format, as in `data.csv.gz`."""


@dataclass(frozen=True)
class Source:
    """A file to load."""

    path: str
    table: str
    format: str  # one of FORMATS
    checksum: str  # sha256 of its bytes
    compression: str = ""  # one of COMPRESSIONS, or none
    tabs: bool = False  # its name says that tabs delimit
    stamp: tuple[int, int] = (0, 0)  # size in bytes and time of change when the checksum was taken

    def check_unchanged(self) -> None:
        """Raises SourceError when the file is no longer the one that the checksum was taken of; OSError."""
        if _stamp(self.path) != self.stamp:
            raise SourceError("changed while it was being read; run again")


def find_sources(paths: Sequence[str], table: str | None = None) -> list[Source]:
    """The files that `paths` name: each file itself, and the files of a known format in each directory, below it too.

    Hidden files and directories are passed over, and in a directory files of other formats as well. Sorted by table,
    then path. All go into `table`, or each into the one named after it. Raises SourceError for a path that is missing,
    unreadable or of another format, or when nothing is found.
    """
    files = dict.fromkeys(file for path in paths for file in _files(path))
    sources = [_source(path, table) for path in files]
    return sorted(sources, key=lambda source: (source.table, source.path))


def table_name(path: str) -> str:
    """The table that a file goes into: its name without endings, in lower case, with `_` for what SQL would quote.

    It never begins with `_`, as the tables of the ledger do.
    """
    base = os.path.basename(path)
    name = re.sub(r"\W+", "_", base[: len(base) - len("".join(_endings(path)))].lower()).strip("_") or "data"
    name = f"t_{name}" if name[0].isdigit() else name
    return name[:60]


def _source(path: str, table: str | None) -> Source:
    ending, packed = _endings(path)
    try:
        stamp = _stamp(path)
        checksum = sha256_of(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    packing = COMPRESSIONS.get(packed, "")
    return Source(path, table or table_name(path), FORMATS[ending], checksum, packing, ending == ".tsv", stamp)


def _stamp(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _files(path: str) -> list[str]:
    if os.path.isfile(path):
        if not _is_known(path):
            known = ", ".join(FORMATS)
            raise SourceError(f"{path}: unknown kind of file; known endings are {known}, each also with .gz or .zst")
        return [path]
    if not os.path.isdir(path):
        what = "not a file or directory" if os.path.lexists(path) else "no such file or directory"
        raise SourceError(f"{path}: {what}")
    found: list[str] = []
    for folder, folders, names in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = (os.path.join(folder, name) for name in sorted(names) if not name.startswith(".") and _is_known(name))
        found += filter(os.path.isfile, files)
    if not found:
        raise SourceError(f"{path}: no JSON, JSONL, CSV or Parquet file in this directory")
    return found


def _is_known(path: str) -> bool:
    return _endings(path)[0] in FORMATS


def _endings(path: str) -> tuple[str, str]:
    """The endings of a name for the format and, behind it, the compression; in lower case, "" for none."""
    stem, ending = os.path.splitext(path)
    if ending.lower() in COMPRESSIONS:
        return os.path.splitext(stem)[1].lower(), ending.lower()
    return ending.lower(), ""


def _refuse(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be read: {error.strerror}") from error
