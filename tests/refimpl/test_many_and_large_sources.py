"""Many small files and large ones: few queries, bounded memory, and whoever is to blame is found among them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pytest

from refimpl.errors import SourceError
from refimpl.extraction import Extraction, extract
from refimpl.sources import find_sources


def many(folder: Path, count: int, content: str = '{{"n": {0}}}\n', name: str = "f{0}.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / name.format(number)).write_text(content.format(number))
    return folder


def read(tmp_path: Path, *paths: Path, **options: Any) -> Extraction:
    (tmp_path / "work").mkdir()
    return extract(find_sources([str(path) for path in paths], "t"), str(tmp_path / "work"), **options)


def numbers(found: Extraction, column: str = "n") -> list[Any]:
    files = [job.source for job in found.jobs]
    return duckdb.connect().execute(f"SELECT {column} FROM read_parquet(?, union_by_name=true)", [files]).fetchall()


def test_small_files_make_few_jobs(tmp_path: Path) -> None:
    assert len(read(tmp_path, many(tmp_path / "d", 1500)).jobs) == 2


def test_every_row_of_small_files_is_there_once(tmp_path: Path) -> None:
    assert sorted(numbers(read(tmp_path, many(tmp_path / "d", 1500)))) == [(number,) for number in range(1500)]


def test_job_of_many_files_says_which(tmp_path: Path) -> None:
    (job,) = read(tmp_path, many(tmp_path / "d", 3)).jobs
    assert job.origin.endswith(f"f0.jsonl and 2 more up to {tmp_path}/d/f2.jsonl")


@pytest.mark.parametrize("bad", [0, 17, 99])
def test_bad_file_among_many_is_named_with_its_line(tmp_path: Path, bad: int) -> None:
    folder = many(tmp_path / "d", 100)
    (folder / f"f{bad}.jsonl").write_text('{"n": 1}\n{"n":\n')
    with pytest.raises(SourceError) as refused:
        read(tmp_path, folder)
    assert str(refused.value).splitlines()[0] == f"{folder}/f{bad}.jsonl: line 2: not valid JSON: Expecting value"


def test_all_but_bad_files_are_read(tmp_path: Path) -> None:
    folder = many(tmp_path / "d", 100)
    for bad in (3, 50, 51):
        (folder / f"f{bad}.jsonl").write_text("{")
    found = read(tmp_path, folder, skip_unreadable=True)
    assert (len(found.refused), sorted(n for (n,) in numbers(found))) == (
        3,
        sorted(set(range(100)) - {3, 50, 51}),
    )


def test_files_that_are_all_bad_are_not_all_looked_at(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the first 100 files that are no tables"):
        read(tmp_path, many(tmp_path / "d", 300, content="{{"))


def test_csv_files_of_several_layouts_are_read_each_in_its_own(tmp_path: Path) -> None:
    folder = many(tmp_path / "d", 4, "n,m\n{0},x\n", "a{0}.csv")
    many(folder, 4, "m;n\ny;{0}\n", "b{0}.csv")
    found = read(tmp_path, folder)
    assert (len(found.jobs), sorted(numbers(found, "m, n"))) == (
        2,
        sorted((m, str(n)) for m in "xy" for n in range(4)),
    )


def test_type_that_only_one_file_of_many_needs_is_the_table_s(tmp_path: Path) -> None:
    folder = many(tmp_path / "d", 50)
    (folder / "g.jsonl").write_text('{"n": 1.5}\n')
    assert {job.columns for job in read(tmp_path, folder).jobs} == {(("n", "DOUBLE"),)}


def test_files_with_keys_that_differ_in_case_are_read_apart(tmp_path: Path) -> None:
    folder = many(tmp_path / "d", 2)
    many(folder, 2, '{{"N": {0}}}\n', "g{0}.jsonl")
    assert sorted(numbers(read(tmp_path, folder))) == [(0,), (0,), (1,), (1,)]


def large(path: Path, rows: int) -> Path:
    line = json.dumps({"text": "x" * 200})[1:-1]
    with path.open("w") as file:
        for number in range(rows):
            file.write(f'{{"n": {number}, {line}}}\n')
    return path


def test_large_file_is_split_into_jobs(tmp_path: Path) -> None:
    found = read(tmp_path, large(tmp_path / "t.jsonl", 600_000))
    (distinct,) = numbers(found, "count(*), count(DISTINCT n), max(n)")
    assert (len(found.jobs) > 1, distinct) == (True, (600_000, 600_000, 599_999))


def test_rows_that_are_to_stay_in_order_do(tmp_path: Path) -> None:
    found = read(tmp_path, large(tmp_path / "t.jsonl", 600_000), ordered=True)
    assert numbers(found) == [(number,) for number in range(600_000)]


def test_files_of_several_layouts_stay_in_order_too(tmp_path: Path) -> None:
    folder = many(tmp_path / "d", 6)
    for number in (1, 4):
        (folder / f"f{number}.jsonl").rename(folder / f"f{number}.csv")
        (folder / f"f{number}.csv").write_text(f"n\n{number}\n")
    jobs = read(tmp_path, folder, ordered=True).jobs
    found = [duckdb.connect().execute(f"FROM '{job.source}'").fetchall() for job in jobs]
    assert [int(n) for rows in found for (n,) in rows] == list(range(6))


def test_bad_line_far_into_a_large_file_is_named(tmp_path: Path) -> None:
    path = large(tmp_path / "t.jsonl", 200_000)
    with path.open("a") as file:
        file.write('{"n": oops}\n')
    with pytest.raises(SourceError, match=r"t\.jsonl: line 200001: not valid JSON"):
        read(tmp_path, path)


def test_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = many(tmp_path / "d", 1) / "f0.jsonl"
    sources = find_sources([str(path)])
    path.write_text('{"n": 1}\n{"n": 2}\n')
    (tmp_path / "work").mkdir()
    with pytest.raises(SourceError, match=r"f0\.jsonl: changed while it was being read"):
        extract(sources, str(tmp_path / "work"))


def test_object_larger_than_duckdb_s_own_limit(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps([{"n": [{"k": "x" * 1000}] * 35_000}]))
    assert numbers(read(tmp_path, tmp_path / "t.json"), "json_array_length(n)") == [(35_000,)]


# -- the full size

MEASURED = textwrap.dedent(
    """
    import json, resource, sys
    from refimpl.command import main
    sys.argv = ["loadloom", "load", *sys.argv[1:], "--json"]
    try:
        main()
    finally:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    """
)


def measured(tmp_path: Path, *arguments: str) -> tuple[dict[str, Any], int]:
    """The summary of a load in a process of its own, and its peak memory in MiB."""
    command = [sys.executable, "-c", MEASURED, *arguments, "--to", "duckdb:///out.duckdb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    summary, peak = done.stdout.splitlines()
    return json.loads(summary), int(peak)


@pytest.mark.slow
def test_directory_of_a_hundred_thousand_files_in_bounded_memory(tmp_path: Path) -> None:
    many(tmp_path / "d", 100_000)
    summary, peak = measured(tmp_path, "d", "--table", "t")
    print(f"100,000 files: {summary['seconds']} s, {peak} MiB, {summary['jobs']}")
    assert (summary["rows"], peak < 1000) == (100_000, True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
def test_file_of_a_gigabyte_in_bounded_memory(tmp_path: Path, kind: str) -> None:
    path, rows = tmp_path / f"t.{kind}", 0
    first, between, end = {"jsonl": ("", "", ""), "json": ("[", ",", "]"), "csv": ("n,text\n", "", "")}[kind]
    with path.open("w") as file:
        file.write(first)
        while file.tell() < 1 << 30:
            text = f"{rows:x}" * 25
            line = f"{rows},{text}" if kind == "csv" else f'{{"n": {rows}, "text": "{text}"}}'
            file.write((between if rows else "") + line + "\n")
            rows += 1
        file.write(end)
    summary, peak = measured(tmp_path, str(path))
    print(f"{os.path.getsize(path) >> 20} MiB of {kind}: {summary['seconds']} s, {peak} MiB, {summary['jobs']}")
    assert (summary["rows"], peak < 2500) == (rows, True)
