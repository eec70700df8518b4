"""What a crash left is brought to a known state: each repair is done, told and counted."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from loading import LedgerMemory, MemoryDestination, files_under, marker_path, package

from refimpl import recovery, sealed
from refimpl.errors import Claimed, PackageError
from refimpl.loader import Loader
from refimpl.machine import Machine, Owner
from refimpl.package import Evidence, NewJob
from refimpl.records import marker_data
from refimpl.storage import PackageStorage

ENDED = ["loaded/load-1/manifest", "loaded/load-1/outcome"]
DONE = Evidence("completed", "", 7)


def kinds(storage: PackageStorage, destination: MemoryDestination | LedgerMemory | None = None) -> dict[str, int]:
    """The repairs of a whole run, counted."""
    return Loader(storage, destination or MemoryDestination(), workers=0).run().repaired


def claimed_by_a_dead_process(storage: PackageStorage, load_id: str = "load-1") -> None:
    owner = {"host": storage.machine.me().host, "boot": "an earlier one", "pid": 1, "started": "7"}
    Path(storage.path("claims", load_id)).write_bytes(sealed.seal(owner))


def with_file(root: Path) -> PackageStorage:
    storage = PackageStorage(root, "process")
    storage.create_package("load-1", [NewJob("a", content=b"data"), NewJob("b", content=b"more")])
    return storage


def job_file(storage: PackageStorage, name: str) -> Path:
    return Path(storage.path("normalized", "load-1", "jobs", f"{name}.none"))


def test_a_clean_package_needs_no_repair(tmp_path: Path) -> None:
    assert kinds(with_file(tmp_path)) == {}


@pytest.mark.parametrize("where", ["manifest.tmp", "outcome.tmp", "jobs/a.none.tmp", ".pending_transitions/a.tmp"])
def test_temporary_file_is_removed(tmp_path: Path, where: str) -> None:
    storage = with_file(tmp_path)
    Path(storage.path("normalized", "load-1", where)).write_bytes(b"half")
    found = kinds(storage)
    assert (sum(found.values()), files_under(tmp_path)) == (1, ENDED)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "torn marker"),
        (b"\0" * 80, "torn marker"),
        (sealed.seal(marker_data("a", DONE))[:-1], "torn marker"),
        (sealed.seal(marker_data("a", Evidence("retry"))), "unknown state"),
        (sealed.seal(marker_data("b", DONE)), "foreign marker"),
    ],
)
def test_marker_that_says_nothing_is_removed_and_the_job_is_run(tmp_path: Path, raw: bytes, kind: str) -> None:
    storage, destination = package(tmp_path, "a", "b"), MemoryDestination()
    marker_path(storage, "a").write_bytes(raw)
    assert (kinds(storage, destination), destination.commits) == ({kind: 1}, ["a", "b"])


def test_orphan_marker_is_removed(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "zzz").write_bytes(sealed.seal(marker_data("zzz", DONE)))
    assert (kinds(storage), files_under(tmp_path)) == ({"orphan marker": 1}, ENDED)


def test_bad_marker_is_gone_before_anything_is_run(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "a").write_bytes(b"")
    claim = storage.claim("load-1")
    recovery.recover(storage, MemoryDestination(), claim, "load-1")
    claim.release()
    assert not marker_path(storage, "a").exists()


def test_missing_marker_directory_is_made_anew(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "a").parent.rmdir()
    assert kinds(storage) == {"no marker directory": 1}


def test_torn_outcome_is_taken_as_absent(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()
    storage.write_marker("load-1", "a", DONE)
    Path(storage.path("normalized", "load-1", "outcome")).write_bytes(b"")
    assert (kinds(storage, destination), destination.commits) == ({"torn outcome": 1}, [])


def test_package_that_is_complete_but_not_renamed_is_only_renamed(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()
    storage.write_outcome(storage.manifest("load-1"), {"a": DONE})
    storage.clear_markers("load-1")
    found = kinds(storage, destination)
    assert (found["complete but not renamed"], destination.commits, files_under(tmp_path)) == (1, [], ENDED)


def test_torn_record_of_the_journal_is_told(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a", "b"), MemoryDestination()
    whole = b"\n" + sealed.seal_line(marker_data("a", DONE))
    Path(storage.path("normalized", "load-1", "journal")).write_bytes(whole + b"\n80 0000")
    assert (kinds(storage, destination), destination.commits) == ({"torn record": 1}, ["b"])


def test_journal_counts_where_the_marker_was_lost(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()
    record = b"\n" + sealed.seal_line(marker_data("a", Evidence("failed", "bad data")))
    Path(storage.path("normalized", "load-1", "journal")).write_bytes(record)
    assert Loader(storage, destination).run().failed[0].message == "bad data"


def test_file_of_no_job_is_removed(tmp_path: Path) -> None:
    storage = with_file(tmp_path)
    job_file(storage, "stray").write_bytes(b"x")
    assert kinds(storage) == {"file of no job": 1}


def test_what_is_not_ours_is_told_and_left_alone(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    Path(storage.path("normalized", "load-1", "notes.txt")).write_text("mine")
    assert kinds(storage) == {"unknown entry": 1}
    assert "loaded/load-1/notes.txt" in files_under(tmp_path)


# -- files that cannot be trusted after a crash


@pytest.mark.parametrize("damage", [b"", b"dat", b"datb", None])
def test_job_file_that_a_crash_damaged_is_refused(tmp_path: Path, damage: bytes | None) -> None:
    storage, destination = with_file(tmp_path), MemoryDestination()
    claimed_by_a_dead_process(storage)
    job_file(storage, "a").unlink() if damage is None else job_file(storage, "a").write_bytes(damage)
    with pytest.raises(PackageError, match="missing or damaged"):
        Loader(storage, destination).run()
    assert destination.commits == []


def test_file_of_a_job_that_is_done_need_not_be_whole(tmp_path: Path) -> None:
    storage, destination = with_file(tmp_path), MemoryDestination()
    claimed_by_a_dead_process(storage)
    job_file(storage, "a").unlink()
    storage.write_marker("load-1", "a", DONE)
    Loader(storage, destination).run()
    assert destination.commits == ["b"]


def test_rows_of_another_package_of_the_same_name_are_refused(tmp_path: Path) -> None:
    storage, destination = with_file(tmp_path), LedgerMemory()
    destination.rows["a"] = Evidence("completed", checksum="of other data")
    with pytest.raises(PackageError, match="another package of this name"):
        Loader(storage, destination).run()


# -- a package in two places


def in_two_places(tmp_path: Path) -> PackageStorage:
    """As a power cut leaves it when only the directory that the package was renamed into was synced."""
    storage = package(tmp_path, "a")
    copy = tmp_path / "copy"
    shutil.copytree(storage.path("normalized", "load-1"), copy)
    Loader(storage, MemoryDestination()).run()
    shutil.move(copy, storage.path("normalized", "load-1"))
    claimed_by_a_dead_process(storage)
    return storage


def test_of_a_package_in_two_places_the_ended_one_counts(tmp_path: Path) -> None:
    storage, destination = in_two_places(tmp_path), MemoryDestination()
    assert (kinds(storage, destination), destination.commits) == ({"package in two places": 1}, [])


def test_of_a_package_in_two_places_one_is_left(tmp_path: Path) -> None:
    storage = in_two_places(tmp_path)
    Loader(storage, MemoryDestination()).run()
    assert files_under(tmp_path) == ENDED


# -- what lies outside of normalized/


def test_half_a_package_is_removed(tmp_path: Path) -> None:
    storage = PackageStorage(tmp_path, "process")
    half = tmp_path / "new" / "load-1" / "jobs"
    half.mkdir(parents=True)
    (half / "a").write_text("x")
    assert (kinds(storage), files_under(tmp_path)) == ({"half a package": 1}, [])


def test_half_a_package_that_somebody_builds_is_left_alone(tmp_path: Path) -> None:
    storage = PackageStorage(tmp_path, "process")
    (tmp_path / "new" / "load-1").mkdir(parents=True)
    claim = storage.claim("load-1")
    found = kinds(storage)
    claim.release()
    assert (found, storage.packages("new")) == ({}, ["load-1"])


@pytest.mark.parametrize("left", [".pending_transitions/a", "journal", "outcome.tmp"])
def test_leftover_in_an_ended_package_is_removed(tmp_path: Path, left: str) -> None:
    storage = package(tmp_path, "a")
    Loader(storage, MemoryDestination()).run()
    path = Path(storage.path("loaded", "load-1", left))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    claimed_by_a_dead_process(storage)
    assert (sum(kinds(storage).values()), files_under(tmp_path)) == (1, ENDED)


def test_job_files_of_an_ended_package_are_removed(tmp_path: Path) -> None:
    storage = with_file(tmp_path)
    Loader(storage, MemoryDestination(), keep_job_files=True).run()
    claimed_by_a_dead_process(storage)
    Loader(storage, MemoryDestination()).run()
    assert files_under(tmp_path) == ENDED


def test_job_files_are_kept_on_request(tmp_path: Path) -> None:
    storage = with_file(tmp_path)
    Loader(storage, MemoryDestination(), keep_job_files=True).run()
    assert "loaded/load-1/jobs/a.none" in files_under(tmp_path)


def test_every_repair_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "a").write_bytes(b"")
    with caplog.at_level(logging.WARNING, "refimpl"):
        kinds(storage)
    assert ["torn marker" in record.getMessage() for record in caplog.records] == [True]


# -- claims


def test_second_loader_is_refused(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()
    claim = storage.claim("load-1")
    with pytest.raises(Claimed):
        Loader(PackageStorage(tmp_path, "process"), destination).run_package("load-1")
    claim.release()
    assert destination.commits == []


def test_refusal_names_process_and_host(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    me = storage.machine.me()
    with pytest.raises(Claimed, match=f"process {me.pid} on {me.host}"):
        _claim_twice(storage)


def _claim_twice(storage: PackageStorage) -> None:
    claim = storage.claim("load-1")
    try:
        storage.claim("load-1")
    finally:
        claim.release()


def test_claim_of_a_dead_owner_is_taken_over(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()
    claimed_by_a_dead_process(storage)
    assert (kinds(storage, destination), destination.commits) == ({"claim of a dead owner": 1}, ["a"])


def test_unreadable_claim_is_taken_over(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    Path(storage.path("claims", "load-1")).write_bytes(b"\0\0\0")
    assert kinds(storage) == {"claim of a dead owner": 1}


def test_claim_is_gone_after_the_run(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    Loader(storage, MemoryDestination()).run()
    assert os.listdir(tmp_path / "claims") == []


def test_claim_is_gone_after_a_run_that_failed(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    Path(storage.path("normalized", "load-1", "manifest")).write_bytes(b"")
    with pytest.raises(PackageError):
        Loader(storage, MemoryDestination()).run()
    assert os.listdir(tmp_path / "claims") == []


def test_claim_that_was_given_up_while_it_was_opened_is_not_taken_for_one(tmp_path: Path) -> None:
    """Its file is gone: who would lock it now locks something that nobody else can find."""
    storage = package(tmp_path, "a")

    class Late(Machine):
        def lock(self, fd: int) -> bool:
            if first is not None and first.fd >= 0:
                first.release()
            return super().lock(fd)

    first = None
    first = storage.claim("load-1")
    second = PackageStorage(tmp_path, "process", Late()).claim("load-1")
    with pytest.raises(Claimed):
        storage.claim("load-1")
    second.release()


HOLDER = textwrap.dedent(
    """
    import sys, time
    from refimpl import PackageStorage
    claim = PackageStorage(sys.argv[1], "process").claim("load-1")
    print("claimed", flush=True)
    time.sleep(60)
    """
)


def test_killed_process_holds_a_claim_as_long_as_it_lives_and_no_longer(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "claimed\n"
    with pytest.raises(Claimed, match=f"process {holder.pid} on "):
        storage.claim("load-1")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    claim = storage.claim("load-1")
    claim.release()
    assert claim.predecessor.startswith(f"process {holder.pid} on ")


def test_this_process_is_alive() -> None:
    machine = Machine()
    assert machine.is_alive(machine.me()) is True


@pytest.mark.parametrize(
    ("changed", "alive"),
    [
        ({"boot": "an earlier one"}, False),
        ({"host": "elsewhere"}, None),
        ({"pid": 2**22 + 1}, False),
        ({"pid": os.getppid(), "started": "0"}, False),  # the number is in use again
    ],
)
def test_owner_is_told_apart_by(changed: dict[str, object], alive: bool | None) -> None:
    machine = Machine()
    me = machine.me()
    owner = Owner(**{"host": me.host, "boot": me.boot, "pid": me.pid, "started": me.started, **changed})  # type: ignore[arg-type]
    assert machine.is_alive(owner) is alive
