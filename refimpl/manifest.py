"""The manifest on disk: a line of JSON for each job, so that a package of 100,000 is never held twice.

    {"load_id": ..., "dispositions": ...}     the first line
    {"columns": [[name, type], ...]}          a set of columns that jobs below refer to by its number, from 0
    [job_id, table, format, file_name, size, checksum, columns, options, origin]
    =<lines> <crc>
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from sys import intern
from typing import Any

from refimpl import sealed
from refimpl.errors import PackageError, TornError
from refimpl.package import Disposition, JobSpec, Manifest


def lines(load_id: str, jobs: Iterable[JobSpec], dispositions: Mapping[str, Disposition]) -> Iterator[object]:
    """The lines of a manifest; `jobs` is gone through once."""
    yield {"load_id": load_id, "dispositions": {table: asdict(how) for table, how in dispositions.items()}}
    numbers: dict[tuple[tuple[str, str], ...], int] = {}
    for job in jobs:
        number = numbers.get(job.columns)
        if number is None:
            number = numbers[job.columns] = len(numbers)
            yield {"columns": job.columns}
        yield [
            job.job_id, job.table, job.format, job.file_name, job.size, job.checksum, number, dict(job.options),
            job.origin,
        ]  # fmt: skip


def read(path: str, load_id: str) -> Manifest:
    """The manifest at `path`. Raises PackageError when it is missing, damaged or another load's; OSError."""
    try:
        manifest = _assemble(sealed.read_lines(path))
    except FileNotFoundError:
        raise PackageError(f"{path}: no such package") from None
    except (TornError, KeyError, IndexError, TypeError, ValueError) as error:
        raise PackageError(f"{path}: the manifest is damaged ({error}); load the sources again") from error
    if manifest.load_id != load_id:
        raise PackageError(f"{path}: the manifest is that of load {manifest.load_id}")
    return manifest


def _assemble(values: Iterator[Any]) -> Manifest:
    head: Any = next(values, None)
    columns: list[tuple[tuple[str, str], ...]] = []
    jobs: list[JobSpec] = []
    for value in values:
        if isinstance(value, dict):
            columns.append(tuple((name, kind) for name, kind in value["columns"]))
            continue
        job_id, table, fmt, file_name, size, checksum, number, options, origin = value
        jobs.append(
            JobSpec(
                job_id, intern(table), intern(fmt), file_name, size, checksum, columns[number], options or _NO_OPTIONS,
                origin,
            )
        )  # fmt: skip
    dispositions = {table: Disposition(how["kind"], tuple(how["key"])) for table, how in head["dispositions"].items()}
    return Manifest(head["load_id"], tuple(jobs), dispositions)


_NO_OPTIONS: Mapping[str, str] = {}
