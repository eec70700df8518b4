"""The plain data of a package: its jobs, its manifest, what is known of each job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, Literal

from refimpl.errors import PackageError

COMPLETED: Final = "completed"
FAILED: Final = "failed"
TERMINAL: Final = frozenset({COMPLETED, FAILED})

Promise = Literal["exactly-once", "idempotent", "at-least-once"]
"""What a destination says about a job that a crash cuts short: its data arrives once; or it is written again over
itself, and readers find it once; or it may arrive twice."""

# A name becomes a file name and a marker's name; a leading dot or a .tmp tail would collide with our own files.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")


def check_name(name: str, what: str) -> str:
    """`name`, if it can name a file of a package. Raises PackageError, saying `what` it would have named."""
    if not _NAME.fullmatch(name) or name.endswith(".tmp"):
        raise PackageError(f"{what} {name!r} cannot be a file name: use letters, digits, '_', '-', '.', and no .tmp")
    return name


@dataclass(frozen=True)
class Disposition:
    """What becomes of the rows that a table has when a load comes."""

    kind: Literal["append", "replace", "merge"] = "append"
    key: tuple[str, ...] = ()  # merge: the columns by which a new row takes an old one's place


APPEND: Final = Disposition()


@dataclass(frozen=True, slots=True)
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
    origin: str = ""  # where the rows come from, for messages; by default `source`
    take: bool = False  # `source` is given away: it is moved into the package, not copied

    @property
    def has_file(self) -> bool:
        """Whether there is anything to load."""
        return self.source is not None or self.content is not None


@dataclass(frozen=True, slots=True)
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
    parent: str = ""  # of a follow-up: the job in whose transaction it came to be


def as_data(spec: JobSpec) -> dict[str, Any]:
    """The job as plain data, to be written."""
    data = {name: getattr(spec, name) for name in _FIELDS}
    data["options"] = dict(spec.options)
    return data


def from_data(data: Mapping[str, Any]) -> JobSpec:
    """The job that was written. Raises KeyError or TypeError when it is none."""
    columns = tuple((name, kind) for name, kind in data["columns"])
    return JobSpec(**{**data, "columns": columns})


_FIELDS = tuple(each.name for each in fields(JobSpec))


def follow_up(parent: JobSpec, number: int, table: str, options: Mapping[str, str]) -> JobSpec:
    """The `number`th job that comes of `parent`; the same name in every attempt, and no job's of a manifest."""
    return JobSpec(f"{parent.job_id}+{number}", table, "none", "", 0, "", options=dict(options), parent=parent.job_id)


@dataclass(frozen=True)
class Manifest:
    """What a package holds. Written once, before the package can be seen, and never changed."""

    load_id: str
    jobs: tuple[JobSpec, ...]
    dispositions: Mapping[str, Disposition] = field(default_factory=lambda: MappingProxyType({}))  # by table

    def disposition(self, table: str) -> Disposition:
        """The disposition of `table`: append, where nothing else was said."""
        return self.dispositions.get(table, APPEND)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a marker or a ledger row says of a job, and the follow-ups that came to be with it."""

    state: str  # one of TERMINAL
    message: str = ""
    rows: int = 0
    follow_ups: tuple[JobSpec, ...] = ()
    checksum: str = ""  # of the file that was loaded; "" where nobody noted it


@dataclass(frozen=True)
class Lease:
    """A run's right to commit jobs of a load; an older one's ends with the next `acquire`."""

    load_id: str
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Repair:
    """Something found on disk that a clean run would not have left there, and how it was taken."""

    kind: str
    path: str
    taken_as: str
