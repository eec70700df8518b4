"""What every destination does alike: values arrive as they were, tables grow, dispositions do what they say."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from loads import Place, lines

from refimpl.errors import DestinationError
from refimpl.package import Disposition

DATABASES = ("duckdb", "postgresql")
ALL = (*DATABASES, "parquet", "jsonl")
REPLACE = Disposition("replace")


def merge(*key: str) -> Disposition:
    return Disposition("merge", key)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    kind = request.param
    if kind == "duckdb":
        url = "duckdb:///out.duckdb"
    elif kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
    else:
        url = f"file:///out?format={kind}"
    place = Place(url, tmp_path)
    yield place
    place.destination.close()


everywhere = pytest.mark.parametrize("place", ALL, indirect=True)
databases = pytest.mark.parametrize("place", DATABASES, indirect=True)
binary = pytest.mark.parametrize("place", ["duckdb", "postgresql", "parquet"], indirect=True)


@everywhere
def test_rows_of_several_jobs_arrive(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1}, {"x": 2})), ("b.csv", "x\n3\n"))
    assert place.rows("x") == [(1,), (2,), (3,)]


@everywhere
def test_rows_are_counted(place: Place) -> None:
    assert place.load(("a.jsonl", lines({"x": 1}, {"x": 2})), ("b.csv", "x\n3\n")).rows == 3


@everywhere
def test_empty_file_is_a_job_without_rows(place: Place) -> None:
    assert place.load(("a.jsonl", ""), ("b.csv", "x\n3\n"), ("c.csv", "x\n")).by_state == {"completed": 3}


TEXTS = ["", " ", "null", "NULL", "\\N", "\\.", 'a "quoted", value', "two\nlines", "cr\r\n", "tab\t", "日本 ✓ é", "'"]


@everywhere
@pytest.mark.parametrize("columns", [("v",), ("v", "w")], ids=["alone", "beside another"])
def test_texts_arrive_as_they_were(place: Place, columns: tuple[str, ...]) -> None:
    place.load(("a.jsonl", lines(*(dict.fromkeys(columns, text) for text in [*TEXTS, None]))))
    assert {row[0] for row in place.rows("v")} == {*TEXTS, None}


@everywhere
def test_missing_value_is_null(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1, "y": "a"}, {"x": 2}, {"x": None, "y": ""})))
    assert place.rows("x, y") == [(1, "a"), (2, None), (None, "")]


NAMES = ["select", "Order", "a b", 'q"uote', "größe", "100%", "$1", "semi;colon", "_loadloom", "x.y"]


@everywhere
def test_any_name_can_be_a_columns(place: Place) -> None:
    place.load(("a.jsonl", lines({name: number for number, name in enumerate(NAMES)})))
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in NAMES)
    assert place.rows(quoted) == [tuple(range(len(NAMES)))]


@binary
def test_numbers_arrive_exactly(place: Place) -> None:
    numbers = [2**63 - 1, -(2**63), 2**64 - 1]
    rows = [{"i": 2**62 + number, "h": huge, "d": number / 7} for number, huge in enumerate(numbers)]
    place.load(("a.jsonl", lines(*rows)))
    assert place.rows("i, h, d") == sorted(((row["i"], row["h"], row["d"]) for row in rows), key=repr) or [
        (int(i), int(h), d) for i, h, d in place.rows("i, h, d")
    ] == [(row["i"], row["h"], row["d"]) for row in rows]


@everywhere
def test_integers_past_any_type_are_kept_as_text(place: Place) -> None:
    place.load(("a.jsonl", f'{{"v": {10**45 + 1}}}\n{{"v": 1.5}}\n'))
    assert {str(row[0]) for row in place.rows("CAST(v AS VARCHAR)")} == {str(10**45 + 1), "1.5"}


@binary
def test_not_a_number_and_infinity_arrive(place: Place) -> None:
    place.load(("a.jsonl", '{"v": NaN}\n{"v": 1.5}\n'))
    assert [repr(row[0]) for row in place.rows("v")] == ["1.5", "nan"]


@pytest.mark.parametrize("place", ["jsonl"], indirect=True)
def test_not_a_number_is_null_in_json(place: Place) -> None:
    place.load(("a.jsonl", '{"v": NaN}\n{"v": 1.5}\n'))
    written = [json.loads(line) for path in place.folder.glob("out/t/*") for line in path.read_text().splitlines()]
    assert written == [{"v": None}, {"v": 1.5}]


@binary
def test_times_arrive_with_their_zones(place: Place) -> None:
    rows = [{"z": "2024-01-01T00:00:00+02:00", "t": "2024-02-29T12:00:00.5", "d": "2024-02-29"}]
    place.load(("a.jsonl", lines(*rows)))
    ((zoned, time, day),) = place.rows("z, t, d")
    assert (zoned.astimezone(datetime.timezone.utc).isoformat(), time, day) == (
        "2023-12-31T22:00:00+00:00",
        datetime.datetime(2024, 2, 29, 12, 0, 0, 500_000),
        datetime.date(2024, 2, 29),
    )


@binary
def test_types_of_parquet_arrive(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "p.parquet"
    query = "1.500::DECIMAL(18,3) AS d, 'ab'::BLOB AS b, uuid '0191e4a5-6d2c-7000-8000-000000000000' AS u, true AS t"
    duckdb.connect().execute(f"COPY (SELECT {query}) TO '{file}' (FORMAT parquet)")
    place.load(("a.parquet", file.read_bytes()))
    ((decimal, blob, uuid, true),) = place.rows("d, b, CAST(u AS VARCHAR), t")
    assert (decimal, bytes(blob), uuid, true) == (
        Decimal("1.500"),
        b"ab",
        "0191e4a5-6d2c-7000-8000-000000000000",
        True,
    )


def plain(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


@everywhere
def test_nested_values_arrive_as_json(place: Place) -> None:
    place.load(("a.jsonl", lines({"o": {"b": [1, None]}, "l": [1, {"d": 2}]})))
    ((nested, listed),) = place.rows("o, l")
    assert (plain(nested)["b"], plain(plain(listed)[0])) == ([1, None], 1)


@everywhere
def test_column_of_a_later_load_is_added(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1})))
    place.load(("b.jsonl", lines({"x": 2, "y": "new"})))
    assert place.rows("x, y") == [(1, None), (2, "new")]


@databases
@pytest.mark.parametrize(
    ("first", "then", "want"),
    [
        (1, 2.5, [1.0, 2.5]),
        (1, "many", ["1", "many"]),
        (2.5, "many", ["2.5", "many"]),
        (True, "many", ["true", "many"]),
        (1, 2**64 - 1, [1, 2**64 - 1]),
        ("2024-01-01", "many", ["2024-01-01", "many"]),
    ],
)
def test_table_is_widened_and_keeps_its_rows(place: Place, first: Any, then: Any, want: list[Any]) -> None:
    place.load(("a.jsonl", lines({"v": first})))
    place.load(("b.jsonl", lines({"v": then})))
    assert [row[0] for row in place.rows("v")] == sorted(want, key=lambda value: repr((value,)))


@databases
def test_plain_column_becomes_json_when_nested_values_come(place: Place) -> None:
    place.load(("a.jsonl", lines({"v": "plain"})))
    place.load(("b.jsonl", lines({"v": {"k": 1}})))
    values = [row[0] for row in place.rows("v")]
    found = [plain(value) if isinstance(value, str) and value[0] in '{"' else value for value in values]
    assert sorted(map(str, found)) == ["plain", "{'k': 1}"]


@everywhere
def test_names_that_differ_in_case_are_one_column(place: Place) -> None:
    place.load(("a.jsonl", lines({"Id": 1})))
    place.load(("b.jsonl", lines({"ID": 2})))
    assert place.rows("id" if place.url.startswith(("duckdb", "file")) else '"Id"') == [(1,), (2,)]


@everywhere
def test_append_adds(place: Place) -> None:
    for _ in range(2):
        place.load(("a.jsonl", lines({"x": 1})))
    assert place.rows("x") == [(1,), (1,)]


@everywhere
def test_replace_takes_out_what_was_there(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1})))
    place.load(("b.jsonl", lines({"x": 2})), ("c.jsonl", lines({"x": 3})), how=REPLACE)
    assert place.rows("x") == [(2,), (3,)]


@everywhere
def test_resumed_replace_takes_out_nothing_that_it_brought(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1})))
    load_id = place.package(place.jobs(("b.jsonl", lines({"x": 2})), ("c.jsonl", lines({"x": 3}))), REPLACE)
    run_first_job(place, load_id)
    place.run(load_id)
    assert place.rows("x") == [(2,), (3,)]


@everywhere
def test_resumed_replace_takes_out_nothing_that_another_load_brought_meanwhile(place: Place) -> None:
    load_id = place.package(place.jobs(("b.jsonl", lines({"x": 2})), ("c.jsonl", lines({"x": 3}))), REPLACE)
    run_first_job(place, load_id)
    place.load(("a.jsonl", lines({"x": 1})))
    place.run(load_id)
    assert place.rows("x") == [(1,), (2,), (3,)]


def run_first_job(place: Place, load_id: str) -> None:
    """As a run that was killed after its first job."""
    manifest = place.storage.manifest(load_id)
    lease = place.destination.acquire(load_id, "killed")
    place.destination.prepare(manifest)
    job = place.destination.job(manifest.jobs[0])
    job.set_run_vars(load_id, place.storage.job_path(load_id, manifest.jobs[0]), 1, lease)
    with place.destination.client() as job.client:
        job.run()


@everywhere
def test_replace_of_one_table_leaves_the_others(place: Place) -> None:
    place.run(place.package(place.jobs(("a.jsonl", lines({"x": 1})), table="other")))
    place.load(("b.jsonl", lines({"x": 2})), how=REPLACE)
    assert place.rows("x", "other") == [(1,)]


@databases
def test_merge_takes_the_place_of_rows_with_the_same_key(place: Place) -> None:
    place.load(("a.jsonl", lines({"k": 1, "v": "a"}, {"k": 2, "v": "b"})))
    place.load(("b.jsonl", lines({"k": 2, "v": "new"}, {"k": 3, "v": "c"})), how=merge("k"))
    assert place.rows("k, v") == [(1, "a"), (2, "new"), (3, "c")]


@databases
def test_merge_keeps_the_last_row_of_a_key_in_a_file(place: Place) -> None:
    place.load(("a.jsonl", lines({"k": 1, "v": "a"}, {"k": 1, "v": "b"}, {"k": 1, "v": "c"})), how=merge("k"))
    assert place.rows("k, v") == [(1, "c")]


@databases
@pytest.mark.parametrize("workers", [0, 4])
def test_merge_keeps_the_row_of_the_last_job_in_whatever_order_they_run(place: Place, workers: int) -> None:
    files = [(f"f{number}.jsonl", lines({"k": 1, "v": number})) for number in range(8)]
    place.load(*files, how=merge("k"), workers=workers)
    assert place.rows("k, v") == [(1, 7)]


@databases
def test_merge_keeps_the_last_row_of_many_in_a_file_that_is_read_in_parallel(place: Place) -> None:
    rows = "".join(f"{number % 1000},{number}\n" for number in range(260_000))
    place.load(("a.csv", f"k,v\n{rows}"), how=merge("k"))
    assert place.rows("count(*), min(v), max(v)") == [(1000, 259_000, 259_999)]


@databases
def test_merge_by_several_columns(place: Place) -> None:
    place.load(("a.jsonl", lines({"a": 1, "b": "x", "v": 1}, {"a": 1, "b": "y", "v": 2})))
    place.load(("b.jsonl", lines({"a": 1, "b": "x", "v": 3})), how=merge("a", "B"))
    assert place.rows("a, b, v") == [(1, "x", 3), (1, "y", 2)]


@databases
def test_merge_leaves_no_table_of_its_own(place: Place) -> None:
    place.load(("a.jsonl", lines({"k": 1})), how=merge("k"))
    with place.destination.transaction() as execute:
        assert not execute("SELECT 1 FROM information_schema.tables WHERE table_name LIKE '_loadloom_stage%'")


@databases
def test_resumed_merge_has_each_row_once(place: Place) -> None:
    load_id = place.package(place.jobs(("b.jsonl", lines({"k": 2})), ("c.jsonl", lines({"k": 3}))), merge("k"))
    run_first_job(place, load_id)
    place.run(load_id)
    assert place.rows("k") == [(2,), (3,)]


@databases
def test_merge_by_a_key_that_is_no_column_is_refused(place: Place) -> None:
    with pytest.raises(DestinationError, match="no column 'nope' to merge by; there are k"):
        place.load(("a.jsonl", lines({"k": 1})), how=merge("nope"))


@databases
def test_row_without_a_key_fails_its_job(place: Place) -> None:
    summary = place.load(("a.jsonl", lines({"k": 1}, {"k": None})), how=merge("k"))
    assert "1 rows have no value in the key (k)" in summary.failed[0].error


@pytest.mark.parametrize("place", ["parquet"], indirect=True)
def test_files_cannot_be_merged_into(place: Place) -> None:
    with pytest.raises(DestinationError, match="use append or replace, or a database"):
        place.load(("a.jsonl", lines({"k": 1})), how=merge("k"))


@everywhere
def test_load_is_recorded(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1})))
    assert (place.destination.is_loaded("load-1"), place.destination.is_loaded("load-2")) == (True, False)


@everywhere
def test_load_recorded_twice_is_recorded_once(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1})))
    place.destination.complete_load("load-1")
    assert place.destination.is_loaded("load-1")


@everywhere
def test_ledger_has_every_job(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1}, {"x": 2})), ("b.jsonl", ""))
    found = {job: (row.state, row.rows) for job, row in place.destination.ledger("load-1").items()}
    assert found == {"t.000000": ("completed", 2), "t.000001": ("completed", 0)}


@everywhere
def test_job_run_a_second_time_changes_nothing(place: Place) -> None:
    load_id = place.package(place.jobs(("a.jsonl", lines({"x": 1}))))
    run_first_job(place, load_id)
    run_first_job(place, load_id)
    assert place.rows("x") == [(1,)]


@everywhere
def test_many_jobs_at_once(place: Place) -> None:
    files = [(f"f{number}.csv", f"x\n{number}\n") for number in range(24)]
    place.load(*files, workers=8)
    assert place.rows("count(*), count(DISTINCT x)") == [(24, 24)]


@everywhere
def test_nothing_but_tables_is_left_over(place: Place) -> None:
    place.load(("a.jsonl", lines({"x": 1})), ("b.jsonl", lines({"x": 1})), how=REPLACE)
    assert not [path for path in (place.folder / "out").rglob("*") if ".tmp" in path.name]
