"""Which load a request is, and what is to be done about it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from refimpl.destinations.base import Destination
from refimpl.destinations.connect import Target
from refimpl.errors import PackageError, SourceError
from refimpl.inspection import inspect
from refimpl.package import NewJob
from refimpl.sources import Source
from refimpl.storage import LOADED, NORMALIZED, PackageStorage


@dataclass(frozen=True)
class Plan:
    """What a request comes to."""

    load_id: str
    action: Literal["load", "resume", "nothing"]


def base_id(target: Target, sources: Sequence[Source]) -> str:
    """The name of the load of `sources` into `target`: the same for the same content, wherever the files lie."""
    place = os.path.realpath(target.path) if target.path else ""
    content = sorted((source.table, source.format, source.checksum) for source in sources)
    return hashlib.sha256(json.dumps([target.scheme, place, content]).encode()).hexdigest()[:24]


def plan(storage: PackageStorage, destination: Destination, base: str, again: bool) -> Plan:
    """Whether the load is new, left unfinished by an earlier run, or done.

    The loads of the same content are counted: base-1, base-2 with `again`. An unfinished one goes first.
    """
    pending = set(storage.packages(NORMALIZED))
    loaded = set(storage.packages(LOADED))
    number = 1
    while True:
        load_id = f"{base}-{number}"
        if load_id in pending:
            return Plan(load_id, "resume")
        if not (destination.is_loaded(load_id) if destination.has_ledger else load_id in loaded):
            break
        number += 1
    if number > 1 and not again:
        return Plan(f"{base}-{number - 1}", "nothing")
    if load_id in loaded:  # the database that it went into is gone or was put back: ours is the stale record
        storage.drop_package(LOADED, load_id)
    return Plan(load_id, "load")


def is_whole(storage: PackageStorage, load_id: str) -> bool:
    """Whether an unfinished package can be resumed; if its manifest is damaged it is better made anew."""
    try:
        storage.manifest(load_id)
    except PackageError:
        return False
    return True


Inspection = tuple[list[NewJob], list[SourceError]]
"""The jobs for the sources that are tables, and why the others are not."""


def new_jobs(sources: Sequence[Source], skip_unreadable: bool) -> Inspection:
    """A job for every source that is a table, and why the others are not.

    Raises SourceError, a line for each, when there are such others and they are not to be skipped; or nothing is left.
    """
    jobs: list[NewJob] = []
    refused: list[SourceError] = []
    for number, source in enumerate(sources):
        try:
            found = inspect(source)
        except SourceError as error:
            refused.append(error)
            continue
        job_id = f"{source.table}.{number:06d}"
        jobs.append(
            NewJob(
                job_id, source.table, found.format, source.path, None, found.columns, found.options, source.checksum
            )
        )
    if refused and (not jobs or not skip_unreadable):
        lines = "\n".join(str(error) for error in refused)
        hint = "" if not jobs else "\nnothing was loaded; --skip-unreadable loads the rest"
        raise SourceError(lines + hint)
    return jobs, refused
