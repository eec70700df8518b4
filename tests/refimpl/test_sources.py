"""Files become tables, or are refused with the file's name and the line."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from refimpl.columns import UNKNOWN, union, wider
from refimpl.destinations.duckdb import DuckDBDestination
from refimpl.errors import SourceError
from refimpl.extraction import Extraction, extract
from refimpl.loader import Loader
from refimpl.sources import find_sources, table_name
from refimpl.storage import PackageStorage


def loaded(tmp_path: Path, *paths: Path) -> dict[str, list[Any]]:
    """The rows of every table after loading `paths`."""
    destination = DuckDBDestination(str(tmp_path / "out.duckdb"))
    storage = PackageStorage(tmp_path / "state", "process")
    storage.create_package("l", extracted(tmp_path, *paths).jobs)
    summary = Loader(storage, destination).run()
    assert not summary.failed, summary.failed[0].message
    with destination.client() as session:
        found = [row[0] for row in session.cursor.execute("SHOW TABLES").fetchall()]
        names = [name for name in found if not name.startswith("_loadloom")]
        tables = {name: session.cursor.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    destination.close()
    return tables


def extracted(tmp_path: Path, *paths: Path, skip_unreadable: bool = False) -> Extraction:
    folder = tmp_path / f".staging{len(list(tmp_path.glob('.staging*')))}"
    folder.mkdir()
    return extract(find_sources([str(path) for path in paths]), str(folder), skip_unreadable)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(path: Path) -> dict[str, str]:
    (job,) = extracted(path.parent, path).jobs
    return dict(job.columns)


def vega_files() -> list[Path]:
    spec = importlib.util.find_spec("vega_datasets")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "_data"
    return sorted(path for path in folder.iterdir() if path.suffix in (".json", ".csv"))


def rows_in(path: Path) -> int:
    if path.suffix == ".json":
        return len(json.loads(path.read_text()))
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


@pytest.mark.parametrize("path", vega_files(), ids=lambda path: path.name)
def test_every_row_of_a_vega_dataset_arrives(tmp_path: Path, path: Path) -> None:
    tables = loaded(tmp_path, path)
    assert {name: len(rows) for name, rows in tables.items()} == {table_name(str(path)): rows_in(path)}


def test_there_are_vega_datasets() -> None:
    assert len(vega_files()) >= 15


def test_values_of_a_json_dataset_arrive(tmp_path: Path) -> None:
    path = next(path for path in vega_files() if path.name == "cars.json")
    want = [tuple(row[key] for key in row if key != "Year") for row in json.loads(path.read_text())]
    destination_rows = loaded(tmp_path, path)["cars"]
    year = list(json.loads(path.read_text())[0]).index("Year")
    assert [row[:year] + row[year + 1 :] for row in destination_rows] == want


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("cars.json", "cars"),
        ("la-riots.csv", "la_riots"),
        ("Sales 2024 (final).CSV", "sales_2024_final"),
        ("2024.jsonl", "t_2024"),
        ("---.csv", "data"),
        ("a.b.csv", "a_b"),
        ("größe.json", "größe"),
    ],
)
def test_table_is_named_after_the_file(name: str, table: str) -> None:
    assert table_name(f"/somewhere/{name}") == table


REFUSED = {
    "object.json": ('{"type": "Topology", "objects": {}}', "object.json: one JSON object"),
    "pretty.json": ('{\n "type": "Topology"\n}', "pretty.json: one JSON object"),
    "scalars.json": ("[1, 2]", "scalars.json: 2 of 2 elements are no JSON objects"),
    "mixed.json": ('[{"a": 1}, 2]', "mixed.json: 1 of 2 elements"),
    "cut.json": ('[{"a": 1}, {"a":', "cut.json: line 1: not valid JSON: Malformed JSON"),
    "text.json": ("hello", "text.json: no JSON array"),
    "case.jsonl": ('{"a": 1, "A": 2}', "case.jsonl: keys that differ only in case"),
    "array.jsonl": ("[1]\n", "array.jsonl: line 1: a JSON array"),
    "broken.jsonl": ('{"a": 1}\n{"a":\n{"a": 3}\n', "broken.jsonl: line 2: not valid JSON"),
    "value.jsonl": ('{"a": 1}\n\n7\n', "value.jsonl: line 3: not a JSON object"),
    "mark.jsonl": (b'\xef\xbb\xbf{"a": 1}\n', "mark.jsonl: line 1: begins with a byte order mark"),
    "short.csv": ("a,b\n1,2\n3\n", "short.csv: line 3: Expected Number of Columns: 2 Found: 1"),
    "long.csv": ("a;b\n1;2\n3;4;5\n", "long.csv: line 3: Expected Number of Columns: 2 Found: 3"),
    "blank.csv": ("\na,b\n1,2\n", "blank.csv: line 1: empty"),
    "empty.csv": ("", "empty.csv: line 1: empty"),
    "latin.csv": (b"a\ncaf\xe9\n", "latin.csv: .*(UTF-8|utf-8|unicode)"),
    "text.parquet": ("hello", "text.parquet: .*Parquet"),
    "unknown.txt": ("a,b\n", "unknown.txt: unknown kind of file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_file_that_is_no_table_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, message = REFUSED[name]
    path = write(tmp_path / name, content)
    with pytest.raises(SourceError, match=message):
        extracted(tmp_path, path)


def test_refusal_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "short.csv", "a,b\n1,2\n3\n")
    with pytest.raises(SourceError) as refused:
        extracted(tmp_path, path)
    assert "\n" not in str(refused.value)


def test_every_refused_file_has_its_line(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write(tmp_path / name, "{}")
    write(tmp_path / "c.json", '[{"x": 1}]')
    with pytest.raises(SourceError) as refused:
        extracted(tmp_path, tmp_path)
    assert [name in str(refused.value) for name in ("a.json", "b.json", "c.json")] == [True, True, False]


def test_refused_files_can_be_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.json", "{}")
    write(tmp_path / "b.json", '[{"x": 1}]')
    assert [job.table for job in extracted(tmp_path, tmp_path, skip_unreadable=True).jobs] == ["b"]


def test_passing_over_every_file_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.json", "{}")
    with pytest.raises(SourceError):
        extracted(tmp_path, tmp_path, skip_unreadable=True)


def test_directory_is_searched_below_and_without_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.csv", "x/a.json", ".hidden/c.csv", ".d.csv", "readme.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, "x\n1\n")
    assert [source.table for source in find_sources([str(tmp_path)])] == ["a", "b"]


def test_directory_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no JSON, JSONL, CSV or Parquet"):
        find_sources([str(tmp_path)])


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nope\.csv: no such file or directory"):
        find_sources([str(tmp_path / "nope.csv")])


def test_file_named_twice_is_loaded_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x\n1\n")
    assert len(find_sources([str(path), str(path), str(tmp_path)])) == 1


def test_no_file_goes_into_the_ledger() -> None:
    assert not table_name("_loadloom_ledger.csv").startswith("_")


def test_nested_json_is_kept_as_json(tmp_path: Path) -> None:
    path = write(tmp_path / "n.json", '[{"a": {"b": [1, null]}, "c": [1, {"d": 2}]}]')
    (row,) = loaded(tmp_path, path)["n"]
    assert [json.loads(value) for value in row] == [{"b": [1, None]}, [1, {"d": 2}]]


def test_plain_values_of_several_types_are_text(tmp_path: Path) -> None:
    path = write(tmp_path / "n.jsonl", '{"a": 1}\n{"a": "x"}\n{"a": null}\n{"a": true}\n')
    assert loaded(tmp_path, path)["n"] == [("1",), ("x",), (None,), ("true",)]


def test_plain_and_nested_values_together_are_json(tmp_path: Path) -> None:
    path = write(tmp_path / "n.jsonl", '{"a": [1]}\n{"a": "x"}\n{"a": null}\n')
    assert loaded(tmp_path, path)["n"] == [("[1]",), ('"x"',), (None,)]


def test_json_lines_in_a_json_file_are_taken_as_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "n.json", '{"a": 1}\n{"a": 2}\n')
    assert loaded(tmp_path, path)["n"] == [(1,), (2,)]


def test_key_that_only_the_last_of_many_rows_has_is_a_column(tmp_path: Path) -> None:
    path = write(tmp_path / "n.jsonl", '{"a": 1}\n' * 50_000 + '{"a": 1, "late": "x"}\n')
    assert columns(path) == {"a": "BIGINT", "late": "VARCHAR"}


def test_empty_json_array_has_no_rows_and_no_table(tmp_path: Path) -> None:
    assert loaded(tmp_path, write(tmp_path / "e.json", "[]")) == {}


def test_column_called_json_is_a_column(tmp_path: Path) -> None:
    assert loaded(tmp_path, write(tmp_path / "j.json", '[{"json": 1}, {"json": 2}]'))["j"] == [(1,), (2,)]


def test_column_that_is_always_null_is_kept(tmp_path: Path) -> None:
    assert loaded(tmp_path, write(tmp_path / "z.json", '[{"a": 1, "b": null}]'))["z"] == [(1, None)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20", ""], "BIGINT"),
        (["007", "12"], "VARCHAR"),
        (["1", "2.5", "1e3"], "DOUBLE"),
        (["true", "FALSE"], "BOOLEAN"),
        (["2024-02-29"], "DATE"),
        (["2024-02-30"], "VARCHAR"),
        (["2024-02-28 10:00:00", "2010/01/01 00:00"], "TIMESTAMP"),
        (["9223372036854775807"], "BIGINT"),
        (["12345678901234567890"], "VARCHAR"),
        (["12345678901234567890", "1.5"], "VARCHAR"),
        (["1", "x"], "VARCHAR"),
        (["nan"], "VARCHAR"),
        (["", ""], UNKNOWN),
    ],
)
def test_type_of_a_csv_column(tmp_path: Path, values: list[str], kind: str) -> None:
    path = write(tmp_path / "t.csv", "v,w\n" + "".join(f"{value},1\n" for value in values))
    assert columns(path)["v"] == kind


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "t.csv", f'"a,b;c"{delimiter}b\n1{delimiter}2\n')
    assert list(columns(path)) == ["a,b;c", "b"]


def test_quoted_values_may_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n"x, ""y""\nz",1\n')
    assert loaded(tmp_path, path)["t"] == [('x, "y"\nz', 1)]


def test_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"\xef\xbb\xbfa,b\n1,2\n")
    assert loaded(tmp_path, path)["t"] == [(1, 2)]


def test_many_columns(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(120)]
    path = write(tmp_path / "t.csv", ",".join(names) + "\n" + ",".join(["1"] * 119 + ["x"]) + "\n")
    assert columns(path) == {**dict.fromkeys(names, "BIGINT"), "c119": "VARCHAR"}


def test_many_keys_of_one_type_are_columns(tmp_path: Path) -> None:
    row = {f"k{number}": number for number in range(300)}
    assert columns(write(tmp_path / "t.jsonl", json.dumps(row) + "\n")) == dict.fromkeys(row, "BIGINT")


def test_rows_without_any_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no row has a key"):
        extracted(tmp_path, write(tmp_path / "t.jsonl", "{}\n{}\n"))


def test_repeated_and_missing_column_names_are_made_up(tmp_path: Path) -> None:
    assert list(columns(write(tmp_path / "t.csv", "a,A,,a\n1,2,3,4\n"))) == ["a", "A_1", "column2", "a_2"]


def test_parquet_arrives_with_nested_values_as_json(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    duckdb.connect().execute(f"COPY (SELECT 1 AS a, {{'x': 2}} AS s, [3] AS l) TO '{path}' (FORMAT parquet)")
    assert loaded(tmp_path, path)["p"] == [(1, '{"x":2}', "[3]")]


@pytest.mark.parametrize("name", ["with space.csv", "it's.csv", "[1]*?.csv", 'quo"te.csv'])
def test_odd_file_names_work(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "x\n1\n")
    assert list(loaded(tmp_path, path).values()) == [[(1,)]]


def test_brackets_in_a_name_do_not_make_it_another_file(tmp_path: Path) -> None:
    write(tmp_path / "a1.csv", "x\nwrong\n")
    path = write(tmp_path / "a[1].csv", "x\n1\n")
    assert columns(path) == {"x": "BIGINT"}


def test_files_of_one_name_share_a_table(tmp_path: Path) -> None:
    for folder, text in (("a", "x\n1\n"), ("b", "x,y\nmany,2\n")):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "t.csv", text)
    assert sorted(loaded(tmp_path, tmp_path / "a", tmp_path / "b")["t"]) == [("1", None), ("many", 2)]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("BIGINT", "BIGINT", "BIGINT"),
        ("INTEGER", "BIGINT", "BIGINT"),
        ("UBIGINT", "BIGINT", "HUGEINT"),
        ("BIGINT", "DOUBLE", "DOUBLE"),
        ("DECIMAL(18,3)", "BIGINT", "DOUBLE"),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("DATE", "BIGINT", "VARCHAR"),
        ("BOOLEAN", "BIGINT", "VARCHAR"),
        ("JSON", "BIGINT", "JSON"),
        (UNKNOWN, "DATE", "DATE"),
    ],
)
def test_wider_type_holds_both(one: str, other: str, both: str) -> None:
    assert (wider(one, other), wider(other, one)) == (both, both)


def test_names_that_differ_in_case_are_one_column() -> None:
    assert union([(("a", "BIGINT"),), (("A", "DOUBLE"),)]) == (("a", "DOUBLE"),)
