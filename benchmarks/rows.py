"""Rows per second into DuckDB and PostgreSQL, side by side with dlt 1.31.0 on the same file, in one run.

    python benchmarks/rows.py [--rows N] [--repeats N] > benchmarks/rows.md

Makes a JSONL file of N rows (default a million), starts a PostgreSQL server of its own, and runs each loader as a
process of its own, taking turns. dlt gets an environment of its own, made here on first use (.venv-rows). Every load is
counted at its destination. dlt keeps nested values as JSON (`max_table_nesting=0`), as loadloom does; its "2 workers"
has two processes that normalize, files of 100,000 rows for them to share, and two load workers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "refimpl"))

DLT = "1.31.0"
PORT = 54329
SETTINGS = f"fsync = on\nlisten_addresses = '127.0.0.1'\nport = {PORT}"
SCRIPT = """
import sys
import dlt
from dlt.sources.filesystem import filesystem, read_jsonl

source, url, work = sys.argv[1:]
if url.startswith("postgresql"):
    destination = dlt.destinations.postgres(url)
else:
    destination = dlt.destinations.duckdb(url)
folder, _, name = source.rpartition("/")
rows = (filesystem(bucket_url=folder, file_glob=name) | read_jsonl()).with_name("big")
rows.max_table_nesting = 0
dlt.pipeline("rows", pipelines_dir=work, destination=destination, dataset_name="d").run(rows)
"""
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]
TUNED = {"NORMALIZE__WORKERS": "2", "LOAD__WORKERS": "2", "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "100000"}
TUNED["EXTRACT__DATA_WRITER__FILE_MAX_ITEMS"] = "100000"


def generate(path: Path, rows: int) -> None:
    """JSON lines with numbers, texts, times, missing values and nested ones; the same for the same `rows`."""
    chance = random.Random(1)
    with path.open("w") as file:
        for number in range(rows):
            row = {
                "id": number,
                "user": f"user-{chance.randrange(10**6)}",
                "amount": round(chance.random() * 1000, 2),
                "active": chance.random() < 0.5,
                "created_at": f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}T12:{number % 60:02}:00Z",
                "note": " ".join(chance.choices(WORDS, k=6)) if chance.random() < 0.8 else None,
                "address": {"city": chance.choice(WORDS), "zip": chance.randrange(99999)},
                "tags": chance.choices(WORDS, k=chance.randrange(3)),
            }
            file.write(json.dumps(row) + "\n")


@dataclass
class Contender:
    """A loader with a destination."""

    name: str
    target: str
    command: list[str]
    settings: dict[str, str]
    count: Callable[[], int]  # the rows at the destination
    clear: Callable[[], None]
    wall: list[float] = field(default_factory=list)  # seconds
    cpu: list[float] = field(default_factory=list)  # seconds of the process and its children

    def run(self, rows: int) -> None:
        """Load once. Raises SystemExit when it fails, or rows are missing."""
        self.clear()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        env = {**os.environ, **self.settings}
        done = subprocess.run(self.command, env=env, capture_output=True, text=True, check=False)
        self.wall.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if done.returncode or self.count() != rows:
            sys.exit(f"{self.name} into {self.target}: {done.stderr[-2000:]}")
        print(f"{self.name} into {self.target}: {self.wall[-1]:.1f} s", file=sys.stderr)


def dlt_python() -> str:
    """The interpreter of an environment with the dlt to compare with."""
    env = ROOT / ".venv-rows"
    python = str(env / "bin" / "python")
    if not env.exists():
        subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"dlt[duckdb,postgres,filesystem]=={DLT}"], check=True)
    return python


def contenders(source: Path, work: Path, postgres: str) -> list[Contender]:
    """Every loader with every destination."""
    import duckdb
    import psycopg

    database = work / "out.duckdb"

    def clear() -> None:
        for path in work.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS d CASCADE")
            connection.execute("DROP SCHEMA IF EXISTS d_staging CASCADE")
            connection.execute("CHECKPOINT")

    def in_duckdb(table: str) -> Callable[[], int]:
        def count() -> int:
            with duckdb.connect(str(database), read_only=True) as connection:
                return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])

        return count

    def in_postgres() -> int:
        with psycopg.connect(postgres) as connection:
            return connection.execute("SELECT count(*) FROM d.big").fetchall()[0][0]

    ours = [sys.executable, "-m", "refimpl", "load", str(source), "--table", "big", "--workers", "2"]
    ours += ["--state-dir", str(work / "state"), "--json", "--to"]
    script = source.parent / "dlt_rows.py"
    script.write_text(SCRIPT)
    theirs = [dlt_python(), str(script), str(source)]
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
    found = []
    for target, url, dlt_url, ours_there, theirs_there in (
        ("DuckDB", f"duckdb:///{database}", str(database), in_duckdb("big"), in_duckdb("d.big")),
        ("PostgreSQL", f"{postgres}?schema=d", postgres, in_postgres, in_postgres),
    ):
        found.append(Contender("loadloom", target, [*ours, url], {}, ours_there, clear))
        command = [*theirs, dlt_url, str(work / "pipelines")]
        found.append(Contender(f"dlt {DLT}", target, command, quiet, theirs_there, clear))
        found.append(Contender(f"dlt {DLT}, 2 workers", target, command, {**quiet, **TUNED}, theirs_there, clear))
    return found


def table(found: list[Contender], rows: int, size: int) -> str:
    """The results in Markdown."""
    lines = [
        "# Rows per second, side by side with dlt",
        "",
        f"`python benchmarks/rows.py`: one JSONL file of {rows:,} rows, {size >> 20} MiB; medians of "
        f"{len(found[0].wall)} runs that took turns; {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at "
        f"the end (others were at work), Python {platform.python_version()}. Whole processes, durable at the "
        "destination; CPU without the server's.",
        "",
        "| destination | loader | seconds | rows per second | CPU seconds | times as fast | times less CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for target in dict.fromkeys(one.target for one in found):
        ours = next(one for one in found if one.target == target)
        for one in (one for one in found if one.target == target):
            wall, cpu = statistics.median(one.wall), statistics.median(one.cpu)
            ratios = "| | |"
            if one is not ours:
                ratios = f"| {wall / statistics.median(ours.wall):.1f} | {cpu / statistics.median(ours.cpu):.1f} |"
            lines.append(f"| {target} | {one.name} | {wall:.1f} | {rows / wall:,.0f} | {cpu:.1f} {ratios}")
    return "\n".join(lines) + "\n"


def main() -> None:
    from postgres import running_server

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="loadloom-rows-") as folder,
        running_server(f"fsync = on\nlisten_addresses = '127.0.0.1'\nport = {PORT}"),
    ):
        source, work = Path(folder) / "big.jsonl", Path(folder) / "work"
        work.mkdir()
        generate(source, options.rows)
        found = contenders(source, work, f"postgresql://loader:none@127.0.0.1:{PORT}/postgres")
        for _ in range(options.repeats):
            for one in found:
                one.run(options.rows)
        print(table(found, options.rows, source.stat().st_size), end="")


if __name__ == "__main__":
    main()
