"""What only PostgreSQL does: leases that fence, lost connections, its types and limits, its errors in words."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from loads import Place, lines
from postgres import Server
from psycopg import errors

from refimpl.destinations.ledger import LedgerJob, LedgerRow
from refimpl.destinations.postgresql import PostgreSQLDestination, PostgreSQLSession
from refimpl.errors import DestinationError, Fenced, RetriesExhausted
from refimpl.package import Lease


@pytest.fixture
def place(postgres_url: str, tmp_path: Path) -> Iterator[Place]:
    place = Place(postgres_url, tmp_path)
    yield place
    place.destination.close()


def sql(place: Place, statement: str) -> list[Any]:
    with psycopg.connect(place.url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def opened_job(place: Place, *, acquired: bool = True) -> tuple[LedgerJob, PostgreSQLDestination]:
    """A job of a new package that writes one row, ready to run."""
    destination = place.destination
    assert isinstance(destination, PostgreSQLDestination)
    load_id = place.package(place.jobs(("a.jsonl", lines({"x": 1}))))
    manifest = place.storage.manifest(load_id)
    lease = destination.acquire(load_id, "first") if acquired else Lease(load_id, 1)
    destination.prepare(manifest)
    job = destination.job(manifest.jobs[0])
    assert isinstance(job, LedgerJob)
    job.set_run_vars(load_id, place.storage.job_path(load_id, manifest.jobs[0]), 1, lease)
    return job, destination


def row_of(job: LedgerJob) -> LedgerRow:
    return LedgerRow(job.load_id, job.job_id, "completed", "", 1, 1)


# -- leases


def test_worker_of_an_older_owner_cannot_begin(place: Place) -> None:
    job, destination = opened_job(place)
    destination.acquire(job.load_id, "second")
    with destination.client() as job.client, pytest.raises(Fenced, match="taken over by second"):
        job.run()


def test_worker_of_an_older_owner_writes_nothing(place: Place) -> None:
    job, destination = opened_job(place)
    destination.acquire(job.load_id, "second")
    with destination.client() as job.client, pytest.raises(Fenced):
        job.run()
    assert (place.rows("x"), sql(place, "SELECT count(*) FROM _loadloom_ledger")) == ([], [(0,)])


def test_worker_without_any_lease_cannot_begin(place: Place) -> None:
    job, destination = opened_job(place, acquired=False)
    with destination.client() as job.client, pytest.raises(Fenced):
        job.run()


def test_new_owner_waits_for_a_commit_under_the_old_lease(place: Place) -> None:
    job, destination = opened_job(place)
    commits: list[str] = []
    with destination.client() as session:
        session.begin(job.lease)
        session.write(job)
        session.add(row_of(job), ())
        taken = threading.Thread(target=lambda: commits.append(f"epoch {destination.acquire(job.load_id, 'b').epoch}"))
        taken.start()
        taken.join(0.5)
        assert commits == []
        commits.append("commit")
        session.commit()
        taken.join()
    assert (commits, destination.ledger(job.load_id)[job.job_id].rows) == (["commit", "epoch 2"], 1)


def test_worker_that_hangs_in_its_transaction_is_cut_off_and_cannot_commit(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refimpl.destinations.postgresql._PATIENCE", "200ms")
    job, destination = opened_job(place)
    with destination.client() as zombie:
        zombie.begin(job.lease)
        zombie.write(job)
        zombie.add(row_of(job), ())
        assert destination.acquire(job.load_id, "second").epoch == 2
        with pytest.raises(psycopg.OperationalError):
            zombie.commit()
    assert (place.rows("x"), dict(destination.ledger(job.load_id))) == ([], {})


def test_worker_of_another_load_is_left_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refimpl.destinations.postgresql._PATIENCE", "200ms")
    job, destination = opened_job(place)
    other, _ = opened_job(place)
    with destination.client() as hanging, destination.client() as busy:
        hanging.begin(job.lease)
        busy.begin(other.lease)
        destination.acquire(job.load_id, "second")
        busy.commit()


# -- errors


def test_connection_that_is_lost_is_tried_again_and_rows_are_there_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, cut = PostgreSQLSession.add, []

    def add(self: PostgreSQLSession, *arguments: Any) -> bool:
        added = real(self, *arguments)
        if not cut:
            cut.append(self)
            sql(place, f"SELECT pg_terminate_backend({self.connection.info.backend_pid})")
        return added

    monkeypatch.setattr(PostgreSQLSession, "add", add)
    summary = place.load(("a.jsonl", lines({"x": 1})), ("b.jsonl", lines({"x": 2})))
    assert (place.rows("x"), summary.attempts) == ([(1,), (2,)], 3)


def test_commit_whose_answer_was_lost_is_found_in_the_ledger(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real, lost = PostgreSQLSession.commit, []

    def commit(self: PostgreSQLSession) -> None:
        real(self)
        if not lost and sql(place, "SELECT 1 FROM _loadloom_ledger"):
            lost.append(self)
            self.connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(PostgreSQLSession, "commit", commit)
    summary = place.load(("a.jsonl", lines({"x": 1})))
    assert (place.rows("x"), summary.attempts, summary.by_state) == ([(1,)], 1, {"completed": 1})


def test_commit_of_a_transaction_that_had_failed_raises(place: Place) -> None:
    job, destination = opened_job(place)
    with destination.client() as session:
        session.begin(job.lease)
        with pytest.raises(psycopg.Error):
            session.execute("SELECT 1 / 0")
        with pytest.raises(errors.InFailedSqlTransaction):
            session.commit()


def test_server_that_is_down_leaves_the_load_to_a_later_run(
    place: Place, postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(self: PostgreSQLSession, job: LedgerJob) -> int:
        raise psycopg.OperationalError("connection refused")

    load_id = place.package(place.jobs(("a.jsonl", lines({"x": 1}))))
    with monkeypatch.context() as patched:
        patched.setattr(PostgreSQLSession, "write", write)
        with pytest.raises(RetriesExhausted, match="connection refused"):
            place.run(load_id)
    place.run(load_id)
    assert place.rows("x") == [(1,)]


@pytest.mark.parametrize(
    ("error", "terminal"),
    [
        (errors.SerializationFailure, False),
        (errors.DeadlockDetected, False),
        (errors.DiskFull, False),
        (errors.TooManyConnections, False),
        (errors.AdminShutdown, False),
        (errors.LockNotAvailable, False),
        (psycopg.OperationalError, False),
        (errors.UniqueViolation, True),
        (errors.NotNullViolation, True),
        (errors.InvalidTextRepresentation, True),
        (errors.NumericValueOutOfRange, True),
        (errors.UndefinedTable, True),
        (errors.InsufficientPrivilege, True),
        (errors.ProgramLimitExceeded, True),
    ],
)
def test_what_the_data_is_to_blame_for_is_terminal_and_no_more(
    error: type[psycopg.Error], terminal: bool, place: Place
) -> None:
    assert place.destination.is_terminal(error("x")) is terminal


def failure(place: Place, table: str, text: str) -> str:
    sql(place, table)
    summary = place.load(("a.jsonl", text))
    assert place.rows("count(*)") == [(0,)]
    return summary.failed[0].error


def test_value_of_a_wrong_type_is_named_with_its_column_and_file(place: Place) -> None:
    said = failure(place, "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (m mood)", lines({"m": "ok"}, {"m": "sad"}))
    assert ("a.jsonl" in said, 'for enum mood: "sad"' in said, "line 2, column m" in said) == (True, True, True)


def test_constraint_is_named(place: Place) -> None:
    said = failure(place, "CREATE TABLE t (x bigint CONSTRAINT positive CHECK (x > 0))", lines({"x": -1}))
    assert '"positive"' in said


def test_repeated_key_is_shown(place: Place) -> None:
    assert "Key (x)=(1) already exists" in failure(place, "CREATE TABLE t (x bigint UNIQUE)", lines({"x": 1}, {"x": 1}))


@pytest.mark.parametrize("value", [{"v": "a\0b"}, {"v": {"n": "a\0b"}}], ids=["text", "nested"])
def test_nul_character_is_named_with_its_row_and_column(place: Place, value: dict[str, Any]) -> None:
    summary = place.load(("a.jsonl", lines({"v": None}, value)))
    assert "row 2: column 'v' has a NUL character" in summary.failed[0].error


def test_more_columns_than_postgresql_takes(place: Place) -> None:
    row = {f"c{number}": number for number in range(1601)}
    with pytest.raises(DestinationError, match="1601 columns; PostgreSQL takes 1600 at most"):
        place.load(("a.jsonl", lines(row)))


def test_name_that_postgresql_would_cut(place: Place) -> None:
    with pytest.raises(DestinationError, match="at most 63 bytes; rename 'ééé"):
        place.load(("a.jsonl", lines({"é" * 32: 1})))


def test_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(DestinationError) as refused:
        Place(f"postgresql://me:secret@/nope?host={tmp_path}", tmp_path)
    assert (str(tmp_path) in str(refused.value), "secret" in str(refused.value)) == (True, False)


def test_without_psycopg_the_command_says_what_to_install(tmp_path: Path) -> None:
    script = "import sys; sys.modules['psycopg'] = None; from refimpl.command import main; main()"
    (tmp_path / "a.csv").write_text("x\n1\n")
    command = [sys.executable, "-c", script, "load", "a.csv", "--to", "postgresql:///x", "--state-dir", "state"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "pip install 'loadloom[postgres]'" in done.stderr, done.stderr.count("\n")) == (2, True, 1)


# -- tables


def test_types_that_we_do_not_know_stay(place: Place) -> None:
    sql(place, "CREATE TABLE t (a varchar(20), b numeric, c text[])")
    place.load(("a.jsonl", lines({"a": "x", "b": 1, "c": "{p,q}"})))
    query = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0"
    kinds = sql(place, query)
    assert (place.rows("a, b, c"), [kind for (kind,) in kinds]) == (
        [("x", 1, ["p", "q"])],
        ["character varying(20)", "numeric", "text[]"],
    )


def test_all_tables_are_in_the_schema_that_was_asked_for(postgres_url: str, tmp_path: Path) -> None:
    place = Place(f"{postgres_url}&schema=My+schema", tmp_path)
    place.load(("a.jsonl", lines({"x": 1})))
    place.destination.close()
    with psycopg.connect(postgres_url) as connection:
        query = "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        assert connection.execute(query).fetchall() == [("My schema",)]


def test_two_loads_at_once_into_one_table(place: Place, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Place(place.url, tmp_path / "other")
    other.loads = 1
    files = [(f"f{number}.csv", f"x,y{number % 3}\n{number},1\n") for number in range(6)]
    with ThreadPoolExecutor() as both:
        loads = [both.submit(at.load, *files) for at in (place, other)]
    other.destination.close()
    assert [load.result().by_state for load in loads] == [{"completed": 6}] * 2
    assert place.rows("count(*), count(DISTINCT x)") == [(12, 6)]


def test_two_merges_at_once_leave_each_key_once(place: Place, tmp_path: Path) -> None:
    from test_destinations import merge

    (tmp_path / "other").mkdir()
    other = Place(place.url, tmp_path / "other")
    other.loads = 1
    files = [(f"f{number}.jsonl", lines(*({"k": k, "v": number} for k in range(20)))) for number in range(3)]
    with ThreadPoolExecutor() as both:
        loads = [both.submit(at.load, *files, how=merge("k")) for at in (place, other)]
    other.destination.close()
    assert [load.result().by_state for load in loads] == [{"completed": 3}] * 2
    assert place.rows("count(*), count(DISTINCT k), min(v)") == [(20, 20, 2)]


def test_closed_destination_commits_nothing_more(place: Place) -> None:
    job, destination = opened_job(place)
    with destination.client() as session:
        session.begin(job.lease)
        session.write(job)
        destination.close()
        with pytest.raises(psycopg.OperationalError):
            session.commit()
    assert place.rows("x") == []


def test_connections_are_used_again(place: Place) -> None:
    connections: set[int] = set()
    for _ in range(5):
        with place.destination.client() as session:
            connections.add(session.connection.info.backend_pid)
    assert len(connections) == 1
