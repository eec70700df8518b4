"""Destination URLs, taken apart; and nothing secret in what is shown."""

from __future__ import annotations

import pytest

from refimpl.destinations.connect import parse
from refimpl.errors import DestinationError


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me:pw@db:6543/shop?schema=raw", "db:6543/shop/raw"),
        ("postgres://db/shop", "db:5432/shop"),
        ("postgresql:///shop?host=/run/pg&port=6543&user=me", "/run/pg:6543/shop"),
        ("postgresql://db?dbname=shop", "db:5432/shop"),
    ],
)
def test_place_of_a_postgresql_url(url: str, place: str) -> None:
    assert parse(url).place == place


def test_what_is_ours_is_not_given_to_the_driver() -> None:
    assert parse("postgresql://me:p%40w@db/shop?schema=raw&sslmode=require").url == (
        "postgresql://me:p%40w@db/shop?sslmode=require"
    )


@pytest.mark.parametrize("url", ["postgresql://me:secret@db/shop", "postgresql://db/shop?user=me&password=secret"])
def test_password_is_not_shown(url: str) -> None:
    assert "secret" not in parse(url).shown


@pytest.mark.parametrize("url", ["postgresql://me:secret@db", "postgresql://me:secret@db:port/x", "mysql://me:secret@db/x"])
def test_password_is_not_in_an_error(url: str) -> None:
    with pytest.raises(DestinationError) as refused:
        parse(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "path", "fmt"),
    [
        ("file:///out", "out", "parquet"),
        ("file:////abs/out/?format=jsonl", "/abs/out", "jsonl"),
        ("file:///.", ".", "parquet"),
    ],
)
def test_directory_and_format_of_a_file_url(url: str, path: str, fmt: str) -> None:
    assert (parse(url).path, parse(url).option) == (path, fmt)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file://out", "write file:///dir"),
        ("file:///", "write file:///dir"),
        ("file:///out?format=csv", "format=parquet or format=jsonl"),
        ("file:///out?compression=gzip", "the one option"),
        ("postgresql://db", "names no database"),
    ],
)
def test_url_that_makes_no_sense_is_refused_with_the_right_way(url: str, said: str) -> None:
    with pytest.raises(DestinationError, match=said):
        parse(url)


def test_formats_of_one_directory_are_different_places() -> None:
    assert parse("file:///out").place != parse("file:///out?format=jsonl").place
