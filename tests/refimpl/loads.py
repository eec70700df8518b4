"""Loads of small files into each destination, and what is then there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from refimpl.destinations.base import Destination
from refimpl.destinations.connect import connect
from refimpl.extraction import extract
from refimpl.loader import Loader
from refimpl.package import Disposition, NewJob
from refimpl.sources import find_sources
from refimpl.storage import PackageStorage
from refimpl.summary import LoadSummary


class Place:
    """A destination by its URL, with a directory for sources and packages."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.storage = PackageStorage(folder / "state")
        self.loads = 0
        self.destination: Destination = connect(url)

    def jobs(self, *files: tuple[str, str | bytes], table: str = "t", ordered: bool = False) -> list[NewJob]:
        """The jobs for files of the given names and contents, each read by itself."""
        jobs: list[NewJob] = []
        for name, content in files:
            path = self.folder / f"source{len(list(self.folder.iterdir()))}" / name
            path.parent.mkdir()
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            work = path.parent / "work"
            work.mkdir()
            found = extract(find_sources([str(path)], table), str(work), ordered=ordered).jobs
            start = len(jobs)
            jobs += [replace(job, job_id=f"{table}.{start + number:06d}") for number, job in enumerate(found)]
        return jobs

    def package(self, jobs: Sequence[NewJob], how: Disposition | None = None) -> str:
        self.loads += 1
        load_id = f"load-{self.loads}"
        self.storage.create_package(load_id, jobs, {job.table: how for job in jobs} if how else {})
        return load_id

    def load(self, *files: tuple[str, str | bytes], how: Disposition | None = None, workers: int = 4) -> LoadSummary:
        ordered = how is not None and how.kind == "merge"
        return self.run(self.package(self.jobs(*files, ordered=ordered), how), workers)

    def run(self, load_id: str, workers: int = 4) -> LoadSummary:
        return Loader(self.storage, self.destination, workers=workers, max_attempts=3).run_package(load_id)

    def rows(self, columns: str, table: str = "t") -> list[Any]:
        """The rows of a table, sorted."""
        if self.url.startswith("postgresql"):
            import psycopg

            with psycopg.connect(self.url) as connection:
                return sorted(connection.execute(f'SELECT {columns} FROM "{table}"'.encode()).fetchall(), key=repr)
        if self.url.startswith("file"):
            reader = "read_parquet" if "parquet" in self.url else "read_json_auto"
            pattern = self.folder / "out" / table / "*"
            query = f"SELECT {columns} FROM {reader}('{pattern}', union_by_name=true)"
            return sorted(duckdb.connect().execute(query).fetchall(), key=repr)
        with self.destination.client() as session:
            return sorted(session.cursor.execute(f'SELECT {columns} FROM "{table}"').fetchall(), key=repr)


def lines(*rows: dict[str, Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)
