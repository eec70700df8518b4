"""From a URL to a destination."""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.destinations.base import Destination
from refimpl.destinations.null import NullDestination
from refimpl.errors import DestinationError


@dataclass(frozen=True)
class Target:
    """A destination's URL, taken apart."""

    scheme: str
    path: str  # "" for null


def parse(url: str) -> Target:
    """Take `url` apart: `null://`, `duckdb:///relative.duckdb` or `duckdb:////absolute.duckdb`.

    Raises DestinationError that says what is wrong with it.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise DestinationError(f"{url}: not a destination URL; write for example duckdb:///out.duckdb")
    if scheme == "null":
        return Target("null", "")
    if scheme != "duckdb":
        raise DestinationError(f"{url}: unknown scheme {scheme!r}; known are duckdb and null")
    if not rest.startswith("/") or rest == "/":
        raise DestinationError(f"{url}: write duckdb:///file (relative) or duckdb:////dir/file (absolute)")
    if rest == "/:memory:":
        raise DestinationError(f"{url}: an in-memory database is gone when the command ends; name a file")
    return Target("duckdb", rest[1:])


def connect(url: str) -> Destination:
    """Open the destination of `url`. Raises DestinationError when it is not known or cannot be opened for writing."""
    target = parse(url)
    if target.scheme == "null":
        return NullDestination()
    from refimpl.destinations.duckdb import DuckDBDestination  # takes a tenth of a second that null need not wait

    return DuckDBDestination(target.path)
