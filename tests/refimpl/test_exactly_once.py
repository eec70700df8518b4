"""The ledger is the truth: commits that are unknown, runs that are out of date, follow-ups, terminal failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loading import LedgerMemory, MemoryDestination, ScriptedJob, fails, fails_times, marker_path, package

from refimpl import hooks
from refimpl.destinations.ledger import LedgerJob
from refimpl.errors import Fenced, RetriesExhausted, TerminalError
from refimpl.loader import Loader
from refimpl.package import Evidence, JobSpec, Lease, follow_up
from refimpl.run import Backoff
from refimpl.storage import PackageStorage

AT_ONCE = Backoff(first=0)
BOTH = pytest.mark.parametrize("kind", [MemoryDestination, LedgerMemory])


def load(storage: PackageStorage, destination: Any, **options: Any) -> Any:
    return Loader(storage, destination, workers=2, backoff=AT_ONCE, **options).run()


# -- a commit that raised is unknown


def test_commit_without_an_answer_is_not_done_again(tmp_path: Path) -> None:
    destination = LedgerMemory()
    destination.commit_faults["a"] = "unanswered"
    summary = load(package(tmp_path, "a"), destination)
    assert (destination.commits, summary.attempts, summary.rows) == (["a"], 1, 1)


def test_commit_that_was_lost_is_done_again(tmp_path: Path) -> None:
    destination = LedgerMemory()
    destination.commit_faults["a"] = "lost"
    summary = load(package(tmp_path, "a"), destination)
    assert (destination.commits, summary.attempts) == (["a"], 2)


class Deaf(LedgerMemory):
    """After a commit without an answer its ledger cannot be asked for a while either."""

    def __init__(self, refusals: int, **behaviour: Callable[[ScriptedJob], None]) -> None:
        super().__init__(**behaviour)
        self.refusals = refusals

    def find(self, load_id: str, job_id: str) -> Evidence | None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionResetError("still down")
        return super().find(load_id, job_id)


def test_commit_that_stays_unknown_is_tried_again_and_the_key_lets_nothing_in_twice(tmp_path: Path) -> None:
    destination = Deaf(1)
    destination.commit_faults["a"] = "unanswered"
    summary = load(package(tmp_path, "a"), destination)
    assert (destination.commits, summary.by_state, summary.attempts) == (["a"], {"completed": 1}, 2)


def test_commit_that_stays_unknown_is_never_called_failed(tmp_path: Path) -> None:
    destination = Deaf(9)
    destination.commit_faults["a"] = "unanswered"
    with pytest.raises(RetriesExhausted, match="still down"):
        load(package(tmp_path, "a"), destination, max_attempts=1)


class Terminal(LedgerMemory):
    """Takes every error for one that comes again."""

    def is_terminal(self, error: Exception) -> bool:
        return True


def test_terminal_error_of_a_commit_that_went_through_is_no_failure(tmp_path: Path) -> None:
    destination = Terminal()
    destination.commit_faults["a"] = "unanswered"
    assert load(package(tmp_path, "a"), destination).by_state == {"completed": 1}


def test_terminal_error_of_a_commit_that_did_not_is_one(tmp_path: Path) -> None:
    destination = Terminal()
    destination.commit_faults["a"] = "lost"
    assert load(package(tmp_path, "a"), destination).by_state == {"failed": 1}


def test_load_record_without_an_answer_is_read_back(tmp_path: Path) -> None:
    class Unanswered(LedgerMemory):
        def complete_load(self, load_id: str) -> None:
            super().complete_load(load_id)
            raise ConnectionResetError("after the commit")

    destination = Unanswered()
    summary = load(package(tmp_path, "a"), destination)
    assert (destination.loads, summary.repaired) == (["load-1"], {"load record with an error": 1})


def test_load_record_that_was_lost_leaves_a_package_that_resumes(tmp_path: Path) -> None:
    class Lost(LedgerMemory):
        def complete_load(self, load_id: str) -> None:
            raise ConnectionResetError("before the commit")

    storage, destination = package(tmp_path, "a"), LedgerMemory()
    lost = Lost()
    with pytest.raises(ConnectionResetError):
        load(storage, lost)
    destination.rows = lost.rows
    load(storage, destination)
    assert (destination.loads, destination.commits, storage.packages("loaded")) == (["load-1"], [], ["load-1"])


# -- terminal failures have a row too


def test_terminal_failure_has_a_row_with_its_message(tmp_path: Path) -> None:
    destination = LedgerMemory(a=fails(TerminalError("bad data")))
    load(package(tmp_path, "a"), destination)
    assert (destination.rows["a"].state, "bad data" in destination.rows["a"].message) == ("failed", True)


def test_terminal_failure_whose_row_has_no_answer_is_recorded_once(tmp_path: Path) -> None:
    destination = LedgerMemory(a=fails(TerminalError("bad data")))
    destination.commit_faults["a"] = "unanswered"
    assert load(package(tmp_path, "a"), destination).by_state == {"failed": 1}


def test_terminal_failure_whose_row_is_lost_is_an_error_of_the_run(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), LedgerMemory(a=fails(TerminalError("bad data")))
    destination.commit_faults["a"] = "lost"
    with pytest.raises(TerminalError, match="bad data"):
        load(storage, destination)
    assert storage.packages() == ["load-1"]


def test_terminal_failure_gives_way_to_a_row_that_says_completed(tmp_path: Path) -> None:
    """Its commit was unknown, an attempt failed since, and now the first one turns out to have gone through."""

    def late(job: ScriptedJob) -> None:
        job.destination.rows[job.job_id] = Evidence("completed", rows=3)  # type: ignore[attr-defined]
        raise TerminalError("bad data")

    summary = load(package(tmp_path, "a"), LedgerMemory(a=late))
    assert (summary.by_state, summary.rows) == ({"completed": 1}, 3)


# -- a run that is out of date commits nothing


def test_old_lease_cannot_commit(tmp_path: Path) -> None:
    destination = LedgerMemory()
    old = destination.acquire("load-1", "old")
    destination.acquire("load-1", "new")
    job = LedgerJob(JobSpec("a", "t", "none", "", 0, ""), destination)
    job.set_run_vars("load-1", "", lease=old)
    with destination.client() as job.client, pytest.raises(Fenced):
        job.run()
    assert destination.rows == {}


def test_lease_that_ends_between_data_and_commit_ends_the_commit(tmp_path: Path) -> None:
    def taken_over(job: ScriptedJob) -> None:
        job.destination.acquire("load-1", "another")

    destination = LedgerMemory(a=taken_over)
    with pytest.raises(Fenced):
        load(package(tmp_path, "a"), destination)
    assert destination.commits == []


def test_fenced_run_starts_nothing_more(tmp_path: Path) -> None:
    def taken_over(job: ScriptedJob) -> None:
        job.destination.acquire("load-1", "another")

    destination, started = LedgerMemory(a=taken_over), []

    def watch(name: str, subject: Any) -> None:
        if name == "job.run":
            started.append(subject.job_id)

    hooks.attach(watch)
    try:
        with pytest.raises(Fenced):
            Loader(package(tmp_path, *"abc"), destination, workers=0).run()
    finally:
        hooks.detach(watch)
    assert started == ["a"]


def test_fenced_job_is_neither_failed_nor_tried_again(tmp_path: Path) -> None:
    destination = LedgerMemory(a=fails(Fenced("taken over")))
    with pytest.raises(Fenced):
        load(package(tmp_path, "a"), destination)
    assert destination.rows == {}


def test_each_run_takes_a_new_lease(tmp_path: Path) -> None:
    leases: list[Lease] = []

    def note(job: ScriptedJob) -> None:
        leases.append(job.lease)
        raise OSError("down")

    storage, destination = package(tmp_path, "a"), LedgerMemory(a=note)
    for _ in range(2):
        with pytest.raises(RetriesExhausted):
            load(storage, destination, max_attempts=1)
    assert [lease.epoch for lease in leases] == [1, 2]


# -- follow-ups


def with_follow_ups(count: int) -> Callable[[ScriptedJob], None]:
    def run(job: ScriptedJob) -> None:
        for number in range(count):
            job.add_follow_up({"step": str(number)}, table="later")

    return run


@BOTH
def test_follow_ups_run_after_their_parent(tmp_path: Path, kind: Any) -> None:
    destination = kind(a=with_follow_ups(2))
    load(package(tmp_path, "a"), destination)
    assert destination.commits[0] == "a"
    assert sorted(destination.commits) == ["a", "a+0", "a+1"]


@BOTH
def test_follow_ups_have_follow_ups(tmp_path: Path, kind: Any) -> None:
    destination = kind(**{"a": with_follow_ups(1), "a+0": with_follow_ups(1)})
    assert [job.job_id for job in load(package(tmp_path, "a", "b"), destination).jobs] == ["a", "a+0", "a+0+0", "b"]


def test_name_of_a_follow_up_is_the_same_in_every_attempt(tmp_path: Path) -> None:
    tries = fails_times(1, OSError("down"))

    def run(job: ScriptedJob) -> None:
        with_follow_ups(1)(job)
        tries(job)

    destination = LedgerMemory(a=run)
    load(package(tmp_path, "a"), destination)
    assert destination.commits == ["a", "a+0"]


def test_name_of_a_follow_up_is_no_name_of_a_job(tmp_path: Path) -> None:
    parent = JobSpec("a", "t", "none", "", 0, "")
    with pytest.raises(Exception, match="cannot be a file name"):
        package(tmp_path, follow_up(parent, 0, "t", {}).job_id)


def test_follow_up_knows_parent_table_and_options(tmp_path: Path) -> None:
    seen: list[JobSpec] = []
    destination = LedgerMemory(**{"a": with_follow_ups(1), "a+0": lambda job: seen.append(job.spec)})
    load(package(tmp_path, "a"), destination)
    assert [(spec.parent, spec.table, dict(spec.options)) for spec in seen] == [("a", "later", {"step": "0"})]


def test_failed_parent_has_no_follow_ups(tmp_path: Path) -> None:
    def run(job: ScriptedJob) -> None:
        with_follow_ups(1)(job)
        raise TerminalError("no")

    destination = LedgerMemory(a=run)
    assert [job.job_id for job in load(package(tmp_path, "a"), destination).jobs] == ["a"]


def test_follow_ups_of_a_commit_without_an_answer_run(tmp_path: Path) -> None:
    destination = LedgerMemory(a=with_follow_ups(1))
    destination.commit_faults["a"] = "unanswered"
    load(package(tmp_path, "a"), destination)
    assert destination.commits == ["a", "a+0"]


@BOTH
def test_follow_ups_are_known_after_a_crash(tmp_path: Path, kind: Any) -> None:
    storage, destination = package(tmp_path, "a"), kind(**{"a": with_follow_ups(2), "a+1": fails(OSError("down"))})
    with pytest.raises(RetriesExhausted):
        load(storage, destination, max_attempts=1)
    destination.behaviour = {}
    load(storage, destination)
    assert destination.commits == ["a", "a+0", "a+1"]


@BOTH
def test_follow_ups_are_in_the_outcome(tmp_path: Path, kind: Any) -> None:
    storage, destination = package(tmp_path, "a"), kind(**{"a": with_follow_ups(2), "a+1": fails(TerminalError("no"))})
    load(storage, destination)
    outcome = storage.read_outcome(storage.manifest("load-1", "loaded"), "loaded")
    assert outcome is not None
    assert {job: found.state for job, found in outcome.items()} == {
        "a": "completed", "a+0": "completed", "a+1": "failed",
    }  # fmt: skip


# -- markers are a cache of the ledger


@pytest.mark.parametrize("change", ["deleted", "emptied", "of another state", "for a job that is not done"])
def test_whatever_markers_say_changes_nothing(tmp_path: Path, change: str) -> None:
    storage, destination = package(tmp_path, "a", "b"), LedgerMemory(b=fails(OSError("down")))
    with pytest.raises(RetriesExhausted):
        load(storage, destination, max_attempts=1)
    if change == "deleted":
        marker_path(storage, "a").unlink()
    elif change == "emptied":
        marker_path(storage, "a").write_bytes(b"")
    elif change == "of another state":
        storage.write_marker("load-1", "a", Evidence("failed", "no"))
    else:
        storage.write_marker("load-1", "b", Evidence("completed"))
    destination.behaviour = {}
    summary = load(storage, destination)
    assert (destination.commits, summary.by_state) == (["a", "b"], {"completed": 2})
