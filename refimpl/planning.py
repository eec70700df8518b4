"""Which load a request is, and what is to be done about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from refimpl.destinations.base import Destination
from refimpl.destinations.connect import Target
from refimpl.errors import PackageError
from refimpl.package import APPEND, Disposition
from refimpl.sources import Source
from refimpl.storage import LOADED, NORMALIZED, PackageStorage


@dataclass(frozen=True)
class Plan:
    """What a request comes to."""

    load_id: str
    action: Literal["load", "resume", "nothing"]


def base_id(target: Target, sources: Sequence[Source], disposition: Disposition = APPEND) -> str:
    """The name of the load of `sources` into `target`: the same for the same content, wherever the files lie."""
    digest = hashlib.sha256(json.dumps([target.scheme, target.place]).encode())
    if disposition != APPEND:
        digest.update(json.dumps([disposition.kind, *disposition.key]).encode())
    for source in sorted((source.table, source.format, source.checksum) for source in sources):
        digest.update(json.dumps(source).encode())
    return digest.hexdigest()[:24]


def plan(storage: PackageStorage, destination: Destination, base: str, again: bool) -> Plan:
    """Whether the load is new, left unfinished by an earlier run, or done.

    The loads of the same content are counted: base-1, base-2 with `again`. An unfinished one goes first. A number of
    which the destination has rows is not used for a new package: the jobs of the two would have the same names. Raises
    PackageError when that package is gone and the user did not ask to load `again`.
    """
    pending = set(storage.packages(NORMALIZED))
    loaded = set(storage.packages(LOADED))
    number = 1
    while True:
        load_id = f"{base}-{number}"
        if load_id in pending:
            return Plan(load_id, "resume")
        if not (destination.is_loaded(load_id) if destination.has_ledger else load_id in loaded):
            if not (destination.has_ledger and destination.ledger(load_id)):
                break
            if not again:
                raise PackageError(
                    f"load {load_id} was begun, and its package is not here: dropped, or made elsewhere; resume it "
                    "where it is, or load all of it once more with --again"
                )
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
