"""The plain data of a package: its jobs, its manifest, what is known of each job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from refimpl.errors import PackageError

COMPLETED: Final = "completed"
FAILED: Final = "failed"
TERMINAL: Final = frozenset({COMPLETED, FAILED})

# A name becomes a file name and a marker's name; a leading dot or a .tmp tail would collide with our own files.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")


def check_name(name: str, what: str) -> str:
    """`name`, if it can name a file of a package. Raises PackageError, saying `what` it would have named."""
    if not _NAME.fullmatch(name) or name.endswith(".tmp"):
        raise PackageError(f"{what} {name!r} cannot be a file name: use letters, digits, '_', '-', '.', and no .tmp")
    return name


@dataclass(frozen=True)
class NewJob:
    """A job to be put into a package: with the file `source`, with `content`, or with no file at all."""

    job_id: str
    table: str = "items"
    format: str = "none"
    source: str | None = None
    content: bytes | None = None
    columns: tuple[tuple[str, str], ...] = ()  # (name, type); a file without known columns holds no rows
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # how to read it (delimiter)
    checksum: str | None = None  # sha256 that the source must have; None: whatever it has when copied


@dataclass(frozen=True)
class JobSpec:
    """A job as its package's manifest describes it."""

    job_id: str
    table: str
    format: str
    file_name: str  # "" when the job has no file
    size: int  # bytes
    checksum: str  # sha256 of the file, hexadecimal
    columns: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    origin: str = ""  # the source's path, for messages only


@dataclass(frozen=True)
class Manifest:
    """What a package holds. Written once, before the package can be seen, and never changed."""

    load_id: str
    jobs: tuple[JobSpec, ...]


@dataclass(frozen=True)
class Evidence:
    """What a marker or a ledger row says of a job."""

    state: str  # one of TERMINAL
    message: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Repair:
    """Something found on disk that a clean run would not have left there, and how it was taken."""

    kind: str
    path: str
    taken_as: str
