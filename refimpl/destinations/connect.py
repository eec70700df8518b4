"""From a URL to a destination."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from refimpl.destinations.base import Destination
from refimpl.destinations.null import NullDestination
from refimpl.errors import DestinationError

_KNOWN = "duckdb and null"


@dataclass(frozen=True)
class Target:
    """A destination's URL, taken apart."""

    scheme: str
    path: str  # of the file or directory; "" where there is none
    place: str  # what tells it from others: no password in it, and the same from wherever it is named
    url: str  # as the driver takes it
    option: str = ""  # file: the format; postgresql: the schema

    @property
    def shown(self) -> str:
        """The URL for people: without a password."""
        parts = urlsplit(self.url)
        if parts.password is None:
            return self.url
        return self.url.replace(f":{parts.password}@", ":***@", 1)


def parse(url: str) -> Target:
    """Take `url` apart.

    `null://`, `duckdb:///relative.duckdb`, `duckdb:////absolute.duckdb`, `file:///relative/?format=jsonl`,
    `postgresql://user@host:port/database?schema=s` (or `?host=/socket/directory`). Raises DestinationError that says
    what is wrong with it.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise DestinationError(f"{url}: not a destination URL; write for example duckdb:///out.duckdb")
    if scheme == "null":
        return Target("null", "", "", url)
    if scheme == "duckdb":
        return _parse_duckdb(url, rest)
    raise DestinationError(f"{url}: unknown scheme {scheme!r}; known are {_KNOWN}")


def _parse_duckdb(url: str, rest: str) -> Target:
    if not rest.startswith("/") or rest == "/":
        raise DestinationError(f"{url}: write duckdb:///file (relative) or duckdb:////dir/file (absolute)")
    if rest == "/:memory:":
        raise DestinationError(f"{url}: an in-memory database is gone when the command ends; name a file")
    return Target("duckdb", rest[1:], os.path.realpath(rest[1:]), url)


def connect(url: str) -> Destination:
    """Open the destination of `url`. Raises DestinationError when it is not known or cannot be opened for writing."""
    target = parse(url)
    # Drivers take a tenth of a second to import, for which null need not wait; psycopg is an extra.
    if target.scheme == "duckdb":
        from refimpl.destinations.duckdb import DuckDBDestination

        return DuckDBDestination(target.path)
    return NullDestination()
