"""A PostgreSQL server for each test process that asks for one, and a database of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from postgres import Server, running_server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of an empty database."""
    import psycopg

    name = f"test{next(_numbers)}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield postgres_server.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
