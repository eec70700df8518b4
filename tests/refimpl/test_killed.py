"""Killed with SIGKILL at random moments and started again: each row once, every job in one place, nothing left over."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

JOBS, ROWS, SEED = 24, 50, 3849

# Says when it has imported everything, so that no kill is wasted on that.
DRIVER = """
import sys
import refimpl.destinations.duckdb, refimpl.destinations.filesystem, refimpl.destinations.postgresql
from refimpl.command import app
print("ready", flush=True)
sys.argv = ["loadloom", "load", *sys.argv[1:]]
app()
"""


class Killer:
    """A directory with sources and the loads of them into `url`, many of which are killed."""

    def __init__(self, folder: Path, url: str, seed: int) -> None:
        self.folder = folder
        self.url = url
        self.chance = random.Random(seed)
        self.kills = 0
        (folder / "data").mkdir()
        for job in range(JOBS):  # each with columns of its own, so that each is a job of its own
            rows = "".join(f"{job * ROWS + row},{row}\n" for row in range(ROWS))
            (folder / "data" / f"part{job}.csv").write_text(f"n,c{job}\n{rows}")

    def start(self) -> subprocess.Popen[str]:
        """A load that has imported everything."""
        command = [sys.executable, "-c", DRIVER, "data", "--table", "t", "--to", self.url, "--workers", "8"]
        command += ["--again", "--state-dir", "state"]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            pytest.fail(process.communicate()[1])
        return process

    def run(self) -> float:
        """A load that nobody kills; the seconds that it took."""
        process = self.start()
        started = time.monotonic()
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        return time.monotonic() - started

    def kill(self, longest: float) -> None:
        """A load that is killed within `longest` seconds, unless it is through by then."""
        process = self.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self.chance.uniform(0, longest))
        process.kill()
        _, errors = process.communicate()
        assert process.returncode in (0, -9), errors
        self.kills += process.returncode == -9

    def left_over(self) -> list[str]:
        """What is in the working directory beside the records of loads that have ended."""
        state = self.folder / "state"
        files = [path.relative_to(state) for path in sorted(state.rglob("*")) if path.is_file()]
        left = [str(path) for path in files if path.parts[0] != "loaded" or path.name not in ("manifest", "outcome")]
        return left + [str(path) for path in sorted((self.folder / "out").rglob("*.tmp*"))]


def numbers_and_loads(killer: Killer) -> tuple[list[int], list[tuple[Any, ...]]]:
    """The rows at the destination by their number, and of each load the jobs, the failed ones and the rows."""
    rows, loads = "SELECT n FROM t", "SELECT jobs, failed, row_count FROM _loadloom_loads"
    if killer.url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(killer.url) as connection:
            found = [connection.execute(query).fetchall() for query in (rows, loads)]
    elif killer.url.startswith("duckdb"):
        with duckdb.connect(str(killer.folder / "out.duckdb"), read_only=True) as database:
            found = [database.execute(query).fetchall() for query in (rows, loads)]
    else:
        pattern = str(killer.folder / "out" / "t" / "*.parquet")
        query = "SELECT n FROM read_parquet(?, union_by_name=true)"
        records = [path.read_text().splitlines()[1] for path in killer.folder.glob("out/_loadloom/*/load")]
        found = [
            duckdb.connect().execute(query, [pattern]).fetchall(),
            [tuple(json.loads(r).values()) for r in records],
        ]
    return [n for (n,) in found[0]], [tuple(sorted(map(int, row))) for row in found[1]]


def check(killer: Killer, kills: int, seed: int) -> None:
    """Kill so many loads, end the last one, and compare."""
    longest = killer.run()
    tries = 0
    while killer.kills < kills:
        killer.kill(longest)
        tries += 1
        assert tries < 5 * kills + 20, f"only {killer.kills} of {tries} loads were killed in time"
    killer.run()
    numbers, loads = numbers_and_loads(killer)
    print(f"{killer.url}: seed {seed}, {killer.kills} kills, {len(loads)} loads of {JOBS} jobs, {len(numbers)} rows")
    assert set(loads) == {(0, JOBS, JOBS * ROWS)}
    assert Counter(numbers) == dict.fromkeys(range(JOBS * ROWS), len(loads))
    assert killer.left_over() == []


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return {"duckdb": "duckdb:///out.duckdb", "file": "file:///out"}[kind]


@pytest.mark.parametrize("kind", ["duckdb", "postgresql", "file"])
def test_killed_at_random_moments_each_row_is_there_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    check(Killer(tmp_path, url_of(kind, request), SEED), 4, SEED)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["duckdb", "postgresql", "file"])
def test_killed_at_two_hundred_random_moments_each_row_is_there_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = SEED + 1
    check(Killer(tmp_path, url_of(kind, request), seed), 200, seed)
