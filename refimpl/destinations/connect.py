"""From a URL to a destination."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from refimpl.destinations.base import Destination
from refimpl.destinations.null import NullDestination
from refimpl.errors import DestinationError

_KNOWN = "duckdb, postgresql, file and null"


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
        """The URL for people: without a password, which may stand in two places."""
        return f"postgresql://{self.place}" if self.scheme == "postgresql" else self.url


def parse(url: str) -> Target:
    """Take `url` apart.

    `null://`, `duckdb:///relative.duckdb`, `duckdb:////absolute.duckdb`, `file:///relative/?format=jsonl`,
    `postgresql://user@host:port/database?schema=s` (or `?host=/socket/directory`). Raises DestinationError that says
    what is wrong with it.
    """
    scheme, separator, rest = url.partition("://")
    shown = re.sub(r"(//[^/@]*:)[^@]*@", r"\1***@", url)
    if not separator:
        raise DestinationError(f"{shown}: not a destination URL; write for example duckdb:///out.duckdb")
    if scheme == "null":
        return Target("null", "", "", url)
    if scheme == "duckdb":
        return _parse_duckdb(url, rest)
    if scheme == "file":
        return _parse_file(url, rest)
    if scheme in ("postgresql", "postgres"):
        return _parse_postgresql(url)
    raise DestinationError(f"{shown}: unknown scheme {scheme!r}; known are {_KNOWN}")


def _parse_duckdb(url: str, rest: str) -> Target:
    if not rest.startswith("/") or rest == "/":
        raise DestinationError(f"{url}: write duckdb:///file (relative) or duckdb:////dir/file (absolute)")
    if rest == "/:memory:":
        raise DestinationError(f"{url}: an in-memory database is gone when the command ends; name a file")
    return Target("duckdb", rest[1:], os.path.realpath(rest[1:]), url)


def _parse_file(url: str, rest: str) -> Target:
    path, _, query = rest.partition("?")
    path = path[1:].rstrip("/") or path[1:2]
    options = dict(parse_qsl(query, keep_blank_values=True))
    fmt = options.pop("format", "parquet")
    if not rest.startswith("/") or not path:
        raise DestinationError(f"{url}: write file:///dir (relative) or file:////dir (absolute)")
    if options or fmt not in ("parquet", "jsonl"):
        raise DestinationError(f"{url}: the one option is format=parquet or format=jsonl")
    return Target("file", path, f"{os.path.realpath(path)}?{fmt}", url, fmt)


def _parse_postgresql(url: str) -> Target:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DestinationError(f"not a PostgreSQL URL: {error}; write postgresql://user@host:port/database") from error
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    schema = options.pop("schema", "")
    host = parts.hostname or options.get("host", "")
    database = unquote(parts.path[1:]) or options.get("dbname", "")
    if not database:
        raise DestinationError(
            f"{parts.scheme}://{host}: names no database; write postgresql://user@host:port/database"
        )
    place = f"{host}:{port or options.get('port', 5432)}/{database}" + (f"/{schema}" if schema else "")
    query = f"?{urlencode(options)}" if options else ""
    plain = f"postgresql://{parts.netloc}{parts.path}{query}"  # urlunsplit drops the slashes of an empty host
    return Target("postgresql", "", place, plain, schema)


def connect(url: str) -> Destination:
    """Open the destination of `url`. Raises DestinationError when it is not known or cannot be opened for writing."""
    target = parse(url)
    # Drivers take a tenth of a second to import, for which null need not wait; psycopg is an extra.
    if target.scheme == "duckdb":
        from refimpl.destinations.duckdb import DuckDBDestination

        return DuckDBDestination(target.path)
    if target.scheme == "file":
        from refimpl.destinations.filesystem import FilesystemDestination

        return FilesystemDestination(target.path, target.option)
    if target.scheme == "postgresql":
        from refimpl.destinations.postgresql import PostgreSQLDestination

        return PostgreSQLDestination(target.url, target.option, target.place)
    return NullDestination()
