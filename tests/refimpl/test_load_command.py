"""`load` as a user meets it: a process, its exit code, what it prints, and what is there after it was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

# Runs the command and kills its own process before the nth time that a hook of a given name is reached.
KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from refimpl import hooks
    from refimpl.command import main

    place, nth, sys.argv = sys.argv[1], int(sys.argv[2]), ["loadloom", *sys.argv[3:]]

    def hook(name, subject):
        global nth
        nth -= name == place
        if nth == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    hooks.attach(hook)
    main()
    """
)


class Shell:
    """A directory to run the command in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "COLUMNS": "200", "XDG_STATE_HOME": str(self.folder / "xdg")},
        )

    def load(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "refimpl", "load", *arguments)

    def to_db(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.load(*arguments, "--to", "duckdb:///out.duckdb")

    def killed(self, place: str, nth: int, *arguments: str) -> int:
        done = self.python("-c", KILLED, place, str(nth), "load", *arguments, "--to", "duckdb:///out.duckdb")
        return done.returncode

    def tables(self) -> dict[str, list[Any]]:
        with duckdb.connect(str(self.folder / "out.duckdb"), read_only=True) as connection:
            names = [row[0] for row in connection.execute("SHOW TABLES").fetchall()]
            return {
                name: connection.execute(f'SELECT * FROM "{name}" ORDER BY ALL').fetchall()
                for name in names
                if name != "_loadloom_ledger"
            }

    def left_over(self) -> set[str]:
        """The names of the files of working state."""
        return {path.name for path in (self.folder / "out.duckdb.loadloom").rglob("*") if path.is_file()}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(6):
        rows = "".join(f"{number},{row}\n" for row in range(50))
        (data / f"part{number}.csv").write_text("file,row\n" + rows)
    (data / "items.json").write_text('[{"id": 1, "tags": ["a"]}, {"id": 2}]')
    return Shell(tmp_path)


def test_success_is_exit_code_0(shell: Shell) -> None:
    assert shell.to_db("data").returncode == 0


def test_rows_are_in_the_database(shell: Shell) -> None:
    shell.to_db("data")
    assert shell.tables()["items"] == [(1, '["a"]'), (2, None)]


def test_summary_names_tables_and_rows(shell: Shell) -> None:
    assert "302 rows, 7 jobs" in shell.to_db("data").stdout


def test_in_a_pipe_nothing_but_the_summary_is_printed(shell: Shell) -> None:
    assert shell.to_db("data").stderr == ""


def test_json_summary_is_one_line(shell: Shell) -> None:
    summary = json.loads(shell.to_db("data", "--json").stdout)
    assert (summary["rows"], summary["jobs"], summary["tables"]["items"]["rows"]) == (302, {"completed": 7}, 2)


def test_second_run_has_nothing_to_do(shell: Shell) -> None:
    shell.to_db("data")
    again = shell.to_db("data")
    assert (again.returncode, again.stdout.startswith("nothing to do")) == (0, True)


def test_second_run_loads_nothing(shell: Shell) -> None:
    shell.to_db("data")
    shell.to_db("data")
    assert len(shell.tables()["items"]) == 2


def test_second_run_knows_the_content_and_not_the_path(shell: Shell) -> None:
    shell.to_db("data")
    (shell.folder / "data").rename(shell.folder / "moved")
    assert shell.to_db("moved").stdout.startswith("nothing to do")


def test_changed_content_is_another_load(shell: Shell) -> None:
    shell.to_db("data/items.json")
    (shell.folder / "data" / "items.json").write_text('[{"id": 3}]')
    shell.to_db("data/items.json")
    assert [row[0] for row in shell.tables()["items"]] == [1, 2, 3]


def test_again_loads_once_more(shell: Shell) -> None:
    for flags in ((), ("--again",), ("--again",)):
        shell.to_db("data/items.json", *flags)
    assert [row[0] for row in shell.tables()["items"]] == [1, 1, 1, 2, 2, 2]


def test_deleted_database_is_loaded_anew(shell: Shell) -> None:
    shell.to_db("data")
    (shell.folder / "out.duckdb").unlink()
    shell.to_db("data")
    assert len(shell.tables()["items"]) == 2


def test_deleted_state_does_not_make_it_load_twice(shell: Shell) -> None:
    shell.to_db("data", "--state-dir", "one")
    shell.to_db("data", "--state-dir", "two")
    assert len(shell.tables()["items"]) == 2


def test_state_is_beside_the_database_and_holds_no_data_in_the_end(shell: Shell) -> None:
    shell.to_db("data")
    assert shell.left_over() == {"manifest", "outcome"}


def test_state_dir_can_be_chosen(shell: Shell) -> None:
    shell.to_db("data", "--state-dir", "elsewhere")
    assert (shell.folder / "elsewhere" / "loaded").is_dir()


def test_null_keeps_its_state_where_the_platform_wants_it(shell: Shell) -> None:
    first, second = shell.load("data", "--to", "null://"), shell.load("data", "--to", "null://")
    assert (first.returncode, second.stdout.startswith("nothing to do")) == (0, True)


def test_no_workers_loads_the_same(shell: Shell) -> None:
    shell.to_db("data", "--workers", "0")
    assert sum(len(rows) for name, rows in shell.tables().items() if name.startswith(("part", "items"))) == 302


def test_absolute_url(shell: Shell) -> None:
    shell.load("data", "--to", f"duckdb:///{shell.folder}/out.duckdb")
    assert len(shell.tables()["items"]) == 2


def test_one_table_for_all(shell: Shell) -> None:
    shell.to_db("data/part0.csv", "data/part1.csv", "--table", "parts")
    assert len(shell.tables()["parts"]) == 100


def test_replace_and_merge(shell: Shell) -> None:
    file = shell.folder / "t.csv"
    for text, *options in (
        ("k,v\n1,a\n2,b\n",),
        ("k,v\n3,c\n4,d\n", "--disposition", "replace"),
        ("k,v\n4,e\n5,f\n", "--disposition", "merge", "--key", "k"),
    ):
        file.write_text(text)
        assert shell.to_db("t.csv", *options).returncode == 0
    assert shell.tables()["t"] == [(3, "c"), (4, "e"), (5, "f")]


@pytest.mark.parametrize("options", [("--disposition", "merge"), ("--key", "x")])
def test_merge_and_key_go_together(shell: Shell, options: tuple[str, ...]) -> None:
    done = shell.to_db("data", *options)
    assert (done.returncode, "--disposition merge needs --key COLUMN" in done.stderr) == (2, True)


KILLS = [
    ("loader.prepare", 1),
    ("job.run", 1),
    ("job.run", 4),
    ("job.marker", 1),
    ("job.marker", 4),
    ("job.publish", 5),
    ("loader.complete", 7),
    ("loader.load_record", 1),
    ("loader.clear", 1),
    ("loader.finalise", 1),
]


@pytest.mark.parametrize(("place", "nth"), KILLS, ids=lambda value: str(value))
def test_killed_and_run_again_ends_as_if_never_killed(shell: Shell, tmp_path: Path, place: str, nth: int) -> None:
    whole = Shell(tmp_path / "whole")
    whole.folder.mkdir()
    whole.to_db(str(shell.folder / "data"))
    assert shell.killed(place, nth, "data") == -signal.SIGKILL
    assert shell.to_db("data").returncode == 0
    # The load's name has the place of the database in it; all else is equal.
    want, got = whole.tables(), shell.tables()
    assert [row[1:] for row in got.pop("_loadloom_loads")] == [row[1:] for row in want.pop("_loadloom_loads")]
    assert got == want


def test_killed_half_way_some_jobs_are_not_run_again(shell: Shell) -> None:
    shell.killed("job.run", 5, "data", "--workers", "1")
    assert json.loads(shell.to_db("data", "--json").stdout)["resumed"] == 4


def test_killed_twice_and_run_again(shell: Shell) -> None:
    shell.killed("job.marker", 2, "data")
    shell.killed("job.run", 3, "data")
    shell.to_db("data")
    assert (len(shell.tables()["items"]), shell.left_over()) == (2, {"manifest", "outcome"})


def test_again_that_was_killed_is_resumed_by_again(shell: Shell) -> None:
    shell.to_db("data")
    shell.killed("job.run", 4, "data", "--again")
    shell.to_db("data", "--again")
    assert len(shell.tables()["items"]) == 4


def test_damaged_manifest_of_an_unfinished_load_is_made_anew(shell: Shell) -> None:
    shell.killed("job.run", 4, "data")
    (manifest,) = (shell.folder / "out.duckdb.loadloom" / "normalized").glob("*/manifest")
    manifest.write_bytes(b"")
    shell.to_db("data")
    assert len(shell.tables()["items"]) == 2


def make(path: str, content: str = "x") -> Callable[[Path], None]:
    return lambda folder: (folder / path).write_text(content) and None


BAD = {
    "unreadable source": (make("object.json", "{}"), ["object.json"], "object.json: one JSON object"),
    "missing source": (None, ["nope.csv"], "nope.csv: no such file"),
    "unknown format": (make("x.txt"), ["x.txt"], "x.txt: unknown kind of file"),
    "unknown scheme": (None, ["data", "--to", "mongo:///x"], "known are duckdb, postgresql, file and null"),
    "no URL": (None, ["data", "--to", "out.duckdb"], "not a destination URL"),
    "two slashes": (None, ["data", "--to", "duckdb://out.duckdb"], "duckdb:///file"),
    "memory": (None, ["data", "--to", "duckdb:///:memory:"], "name a file"),
    "read-only target": (None, ["data", "--to", "duckdb:////proc/x.duckdb"], "cannot be opened for writing"),
    "missing folder": (None, ["data", "--to", "duckdb:///no/x.duckdb"], "no such directory: no"),
    "folder as target": (None, ["data", "--to", "duckdb:///data"], "is a directory"),
    "no database": (make("x.duckdb", "hello, world"), ["data", "--to", "duckdb:///x.duckdb"], "not a DuckDB database"),
    "CSV as target": (None, ["data", "--to", "duckdb:///data/part1.csv"], "not a DuckDB database"),
    "read-only state": (None, ["data", "--state-dir", "/proc/nowhere"], "/proc/nowhere"),
}


def run_bad(shell: Shell, case: str) -> subprocess.CompletedProcess[str]:
    prepare, arguments, _ = BAD[case]
    if prepare is not None:
        prepare(shell.folder)
    return shell.load(*arguments, *(() if "--to" in arguments else ("--to", "duckdb:///out.duckdb")))


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_that_says_what_and_exit_code_2(shell: Shell, case: str) -> None:
    done = run_bad(shell, case)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, line.startswith("loadloom: "), BAD[case][2] in line) == (2, True, True), line


def test_refused_source_leaves_no_database_behind(shell: Shell) -> None:
    run_bad(shell, "unreadable source")
    assert not list(shell.folder.glob("out.duckdb*"))


def test_locked_database_is_one_line_and_exit_code_2(shell: Shell) -> None:
    with duckdb.connect(str(shell.folder / "out.duckdb")):
        done = shell.to_db("data")
    assert (done.returncode, done.stderr.count("\n"), "another process" in done.stderr) == (2, 1, True)


def test_file_that_is_no_table_can_be_passed_over(shell: Shell) -> None:
    (shell.folder / "data" / "topology.json").write_text("{}")
    done = shell.to_db("data", "--skip-unreadable")
    assert (done.returncode, done.stderr.count("topology.json")) == (0, 1)


FAILING = textwrap.dedent(
    """
    import sys
    from refimpl.destinations.duckdb import DuckDBSession
    from refimpl import command, errors

    def write(self, job):
        if job.spec.table == "items":
            raise {error}
        return real(self, job)

    real, DuckDBSession.write = DuckDBSession.write, write
    sys.argv = ["loadloom", "load", *sys.argv[1:], "--to", "duckdb:///out.duckdb"]
    command.main()
    """
)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        ("errors.TerminalError('bad data')", 1, "items.000000 failed: bad data"),
        ("OSError('down')", 1, "run the same command again to resume"),
        ("KeyboardInterrupt()", 130, "interrupted"),
    ],
)
def test_failing_job_has_its_exit_code_and_line(shell: Shell, error: str, code: int, said: str) -> None:
    done = shell.python("-c", FAILING.format(error=error), "data")
    assert (done.returncode, done.stderr.count("\n"), said in done.stderr) == (code, 1, True)


def test_load_with_a_failed_job_is_not_called_a_success_later(shell: Shell) -> None:
    shell.python("-c", FAILING.format(error="errors.TerminalError('bad data')"), "data")
    assert shell.to_db("data").returncode == 1


def test_given_up_job_gets_through_when_run_again(shell: Shell) -> None:
    shell.python("-c", FAILING.format(error="OSError('down')"), "data")
    shell.to_db("data")
    assert (len(shell.tables()["items"]), len(shell.tables()["part0"])) == (2, 50)


def test_defect_of_ours_is_exit_code_4_and_no_traceback(shell: Shell) -> None:
    script = "from refimpl import command; command.plan = None; command.main()"
    done = shell.python("-c", script, "load", "data", "--to", "duckdb:///out.duckdb")
    assert (done.returncode, done.stderr.count("\n"), "Traceback" in done.stderr) == (4, 1, False)
