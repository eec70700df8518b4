"""DuckDB: a job's rows and its ledger row arrive together, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from refimpl.destinations.duckdb import DuckDBDestination, DuckDBSession
from refimpl.destinations.ledger import LedgerJob, Session
from refimpl.errors import RetriesExhausted, TerminalError
from refimpl.job import RunnableLoadJob
from refimpl.loader import Loader
from refimpl.package import JobSpec, NewJob
from refimpl.storage import PackageStorage


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[DuckDBDestination]:
    destination = DuckDBDestination(str(tmp_path / "out.duckdb"))
    yield destination
    destination.close()


def csv_job(job_id: str, text: str, columns: tuple[tuple[str, str], ...] = (("x", "BIGINT"),)) -> NewJob:
    return NewJob(job_id, "t", "csv", content=text.encode(), columns=columns, options={"delimiter": ","})


def package(tmp_path: Path, *jobs: NewJob) -> PackageStorage:
    storage = PackageStorage(tmp_path / "state", "process")
    storage.create_package("load-1", jobs)
    return storage


def query(destination: DuckDBDestination, sql: str) -> list[Any]:
    with destination.client() as session:
        return session.cursor.execute(sql).fetchall()


def test_rows_arrive(tmp_path: Path, destination: DuckDBDestination) -> None:
    Loader(package(tmp_path, csv_job("a", "x\n1\n2\n"), csv_job("b", "x\n3\n")), destination).run()
    assert query(destination, "SELECT x FROM t ORDER BY x") == [(1,), (2,), (3,)]


def test_rows_are_counted(tmp_path: Path, destination: DuckDBDestination) -> None:
    assert Loader(package(tmp_path, csv_job("a", "x\n1\n2\n")), destination).run().rows == 2


def test_each_job_has_a_ledger_row(tmp_path: Path, destination: DuckDBDestination) -> None:
    Loader(package(tmp_path, csv_job("a", "x\n1\n2\n"), csv_job("b", "x\n3\n")), destination).run()
    rows = query(destination, "SELECT job_id, status, row_count FROM _loadloom_ledger ORDER BY job_id")
    assert rows == [("a", "completed", 2), ("b", "completed", 1)]


def test_the_load_has_a_row(tmp_path: Path, destination: DuckDBDestination) -> None:
    Loader(package(tmp_path, csv_job("a", "x\n1\n"), csv_job("b", "x\nno\n")), destination).run()
    assert query(destination, "SELECT * FROM _loadloom_loads") == [("load-1", 2, 1, 1)]


def test_load_recorded_twice_has_one_row(destination: DuckDBDestination) -> None:
    destination.complete_load("l")
    destination.complete_load("l")
    assert query(destination, "SELECT count(*) FROM _loadloom_loads") == [(1,)]


def test_bad_data_fails_terminally_with_line_and_message(tmp_path: Path, destination: DuckDBDestination) -> None:
    summary = Loader(package(tmp_path, csv_job("a", "x\n1\n2,3\n")), destination).run()
    assert "line 3" in summary.failed[0].error


def test_bad_data_leaves_no_rows(tmp_path: Path, destination: DuckDBDestination) -> None:
    Loader(package(tmp_path, csv_job("a", "x\n1\nno\n")), destination).run()
    assert query(destination, "SELECT count(*) FROM t") == [(0,)]


def test_failed_job_has_a_ledger_row_with_its_message(tmp_path: Path, destination: DuckDBDestination) -> None:
    Loader(package(tmp_path, csv_job("a", "x\nno\n")), destination).run()
    ((status, message),) = query(destination, "SELECT status, message FROM _loadloom_ledger")
    assert (status, "TerminalError" in message) == ("failed", True)


def run_job(job: RunnableLoadJob, destination: DuckDBDestination, path: Path) -> str:
    job.set_run_vars("load-1", str(path))
    job.run_managed(destination.client, threading.Semaphore(0), lambda job, state: None)
    return job.state


def job_of(cls: type[LedgerJob], destination: DuckDBDestination, storage: PackageStorage) -> tuple[LedgerJob, Path]:
    manifest = storage.manifest("load-1")
    destination.prepare(manifest)
    return cls(manifest.jobs[0], destination), Path(storage.job_path("load-1", manifest.jobs[0]))


def test_job_run_a_second_time_loads_nothing_more(tmp_path: Path, destination: DuckDBDestination) -> None:
    storage = package(tmp_path, csv_job("a", "x\n1\n"))
    for _ in range(2):
        run_job(*_with_destination(job_of(LedgerJob, destination, storage), destination))
    assert query(destination, "SELECT count(*) FROM t") == [(1,)]


def test_job_run_a_second_time_is_completed(tmp_path: Path, destination: DuckDBDestination) -> None:
    storage = package(tmp_path, csv_job("a", "x\n1\n"))
    states = [run_job(*_with_destination(job_of(LedgerJob, destination, storage), destination)) for _ in range(2)]
    assert states == ["completed", "completed"]


def _with_destination(found: tuple[LedgerJob, Path], destination: DuckDBDestination) -> tuple[Any, Any, Any]:
    return found[0], destination, found[1]


class LostAck(LedgerJob):
    """Its commit goes through, and the answer is lost."""

    def commit(self, session: Session) -> None:
        super().commit(session)
        raise duckdb.IOException("connection reset")


class LostCommit(LedgerJob):
    """Its first commit does not go through."""

    def commit(self, session: Session) -> None:
        if self.attempt == 1:
            session.roll_back()
            raise duckdb.IOException("connection reset")
        super().commit(session)


class BothCommit(LedgerJob):
    """Somebody else commits the same job while this one is about to."""

    def commit(self, session: Session) -> None:
        rival = LedgerJob(self.spec, self.destination)
        rival.set_run_vars(self.load_id, self.path)
        with self.destination.client() as rival.client:
            rival.run()
        super().commit(session)


@pytest.mark.parametrize("kind", [LostAck, LostCommit, BothCommit])
def test_commit_that_raised_ends_with_the_rows_there_once(
    tmp_path: Path, destination: DuckDBDestination, kind: type[LedgerJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "job", lambda spec: kind(spec, destination))
    summary = Loader(package(tmp_path, csv_job("a", "x\n1\n")), destination).run()
    assert (summary.rows, query(destination, "SELECT count(*) FROM t")) == (1, [(1,)])


@pytest.mark.parametrize(("kind", "attempts"), [(LostAck, 1), (LostCommit, 2), (BothCommit, 1)])
def test_commit_that_raised_is_tried_again_only_when_the_ledger_has_no_row(
    tmp_path: Path, destination: DuckDBDestination, kind: type, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "job", lambda spec: kind(spec, destination))
    assert Loader(package(tmp_path, csv_job("a", "x\n1\n")), destination).run().attempts == attempts


def test_trouble_of_the_database_is_no_fault_of_the_job(
    tmp_path: Path, destination: DuckDBDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(session: DuckDBSession, job: LedgerJob) -> int:
        raise duckdb.IOException("disk full")

    monkeypatch.setattr(DuckDBSession, "write", full)
    with pytest.raises(RetriesExhausted, match="disk full"):
        Loader(package(tmp_path, csv_job("a", "x\n1\n")), destination, max_attempts=2).run()


def test_database_that_was_deleted_is_loaded_anew_whatever_markers_say(tmp_path: Path) -> None:
    storage = package(tmp_path, csv_job("a", "x\n1\n"))
    first = DuckDBDestination(str(tmp_path / "one.duckdb"))
    manifest = storage.manifest("load-1")
    first.prepare(manifest)
    job = first.job(manifest.jobs[0])
    job.set_run_vars("load-1", storage.job_path("load-1", manifest.jobs[0]))
    job.run_managed(first.client, threading.Semaphore(0), Loader(storage, first).write_marker)
    first.close()
    second = DuckDBDestination(str(tmp_path / "two.duckdb"))
    Loader(storage, second).run()
    rows = query(second, "SELECT count(*) FROM t")
    second.close()
    assert rows == [(1,)]


def test_many_jobs_into_one_table_at_once(tmp_path: Path, destination: DuckDBDestination) -> None:
    jobs = [csv_job(f"j{number:03d}", f"x\n{number}\n") for number in range(60)]
    Loader(package(tmp_path, *jobs), destination, workers=8).run()
    assert query(destination, "SELECT count(*), count(DISTINCT x) FROM t") == [(60, 60)]


def test_column_that_only_some_files_have_is_null_in_the_others(tmp_path: Path, destination: DuckDBDestination) -> None:
    two = csv_job("b", "x,y\n2,5\n", columns=(("x", "BIGINT"), ("y", "BIGINT")))
    Loader(package(tmp_path, csv_job("a", "x\n1\n"), two), destination).run()
    assert query(destination, "SELECT x, y FROM t ORDER BY x") == [(1, None), (2, 5)]


def test_types_of_files_are_widened(tmp_path: Path, destination: DuckDBDestination) -> None:
    text = csv_job("b", "x\nmany\n", columns=(("x", "VARCHAR"),))
    Loader(package(tmp_path, csv_job("a", "x\n1\n"), text), destination).run()
    assert query(destination, "SELECT x FROM t ORDER BY x") == [("1",), ("many",)]


def test_existing_table_is_widened_and_keeps_its_rows(tmp_path: Path, destination: DuckDBDestination) -> None:
    query(destination, "CREATE TABLE T (X INTEGER, other STRUCT(a INTEGER))")
    query(destination, "INSERT INTO t VALUES (1, {'a': 5})")
    Loader(package(tmp_path, csv_job("a", "x\n1.5\n", columns=(("x", "DOUBLE"),))), destination).run()
    assert query(destination, "SELECT x, other FROM t ORDER BY x") == [(1.0, {"a": 5}), (1.5, None)]


def test_job_without_a_file_has_a_ledger_row_and_no_table(tmp_path: Path, destination: DuckDBDestination) -> None:
    Loader(package(tmp_path, NewJob("a")), destination).run()
    assert query(destination, "SELECT job_id, row_count FROM _loadloom_ledger") == [("a", 0)]


def test_ledger_that_says_failed_is_believed(destination: DuckDBDestination) -> None:
    query(destination, "INSERT INTO _loadloom_ledger VALUES ('load-1', 'a', 'failed', 'bad data', 1, 0, '')")
    job = LedgerJob(JobSpec("a", "t", "none", "", 0, ""), destination)
    job.set_run_vars("load-1", "")
    with destination.client() as job.client, pytest.raises(TerminalError, match="bad data"):
        job.run()
