"""What is on the disk when: the order of the system calls, as recorded, under each durability."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loading import LedgerMemory, MemoryDestination, files_under, marker_path

from refimpl import disk as disk_module
from refimpl import hooks, journal
from refimpl.disk import Disk, Durability
from refimpl.loader import Loader
from refimpl.package import NewJob
from refimpl.storage import PackageStorage

Call = tuple[str, str]  # (what, path below the root; of a rename "from > to")


class Recorder:
    """Notes every system call that changes or syncs something below a root."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[Call] = []
        self._root = str(root) + os.sep
        self._lock = threading.Lock()
        real = {name: getattr(os, name) for name in ("fsync", "fdatasync", "rename", "replace", "unlink", "rmdir")}

        real_open = os.open

        def opened(path: Any, flags: int, mode: int = 0o777, **kw: Any) -> int:
            if flags & os.O_CREAT:
                self.note("create", self._name(path))
            return real_open(path, flags, mode, **kw)

        def sync(what: str) -> Callable[[int], None]:
            def call(fd: int) -> None:
                self.note("sync", self._name(os.readlink(f"/proc/self/fd/{fd}")))
                real[what](fd)

            return call

        def move(what: str) -> Callable[[Any, Any], None]:
            def call(source: Any, target: Any) -> None:
                self.note("rename", f"{self._name(source)} > {self._name(target)}")
                real[what](source, target)

            return call

        def remove(what: str) -> Callable[[Any], None]:
            def call(path: Any) -> None:
                self.note("remove", self._name(path))
                real[what](path)

            return call

        for name, make in (("fsync", sync), ("fdatasync", sync), ("rename", move), ("replace", move)):
            patch.setattr(os, name, make(name))
        patch.setattr(os, "open", opened)
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, remove(name))
        patch.setattr(disk_module, "_syncfs", lambda: self._syncfs)

    def _syncfs(self, fd: int) -> int:
        self.note("sync everything", "")
        return 0

    def _name(self, path: Any) -> str:
        return str(path).removeprefix(self._root).rstrip("/")

    def note(self, what: str, path: str) -> None:
        with self._lock:
            self.calls.append((what, path))

    def count(self, what: str) -> int:
        return sum(call[0] == what for call in self.calls)

    def at(self, what: str, path: str) -> int:
        """When the call was made; the last one of several. Fails where there was none."""
        assert (what, path) in self.calls, f"no {what} of {path} among {self.calls}"
        return max(index for index, call in enumerate(self.calls) if call == (what, path))

    def in_order(self, *calls: Call) -> bool:
        places = [self.at(*call) for call in calls]
        return places == sorted(places)


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(tmp_path, monkeypatch)


def storage_with(root: Path, durability: Durability, files: int = 1) -> PackageStorage:
    storage = PackageStorage(root, durability)
    storage.create_package("l", [NewJob(f"j{number}", content=b"x") for number in range(files)])
    return storage


MANIFEST, MARKERS = "new/l/manifest", "new/l/.pending_transitions"
TO_NORMALIZED = ("rename", "new/l > normalized/l")
TO_LOADED = ("rename", "normalized/l > loaded/l")


@pytest.mark.parametrize("synced", ["new/l/jobs/j0.none", "new/l/jobs", MANIFEST, MARKERS, "new/l"])
def test_everything_in_a_package_is_synced_before_it_is_shown(tmp_path: Path, recorder: Recorder, synced: str) -> None:
    storage_with(tmp_path, "power")
    assert recorder.in_order(("sync", synced), TO_NORMALIZED)


def test_directories_of_a_rename_are_synced_after_it_the_target_first(tmp_path: Path, recorder: Recorder) -> None:
    storage_with(tmp_path, "power")
    assert recorder.in_order(TO_NORMALIZED, ("sync", "normalized"), ("sync", "new"))


def test_many_files_share_one_sync(tmp_path: Path, recorder: Recorder) -> None:
    storage_with(tmp_path, "power", files=40)
    assert recorder.in_order(("sync everything", ""), TO_NORMALIZED)
    assert not [path for what, path in recorder.calls if what == "sync" and path.endswith(".none")]


def test_where_files_cannot_share_a_sync_each_has_its_own(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "_syncfs", lambda: None)
    storage_with(tmp_path, "power", files=40)
    assert sum(path.endswith(".none") for what, path in recorder.calls if what == "sync") == 40


def test_file_that_is_given_away_is_synced_too(tmp_path: Path, recorder: Recorder) -> None:
    (tmp_path / "given").write_bytes(b"x")
    PackageStorage(tmp_path, "power").create_package("l", [NewJob("a", source=str(tmp_path / "given"), take=True)])
    assert recorder.in_order(("sync", "given"), ("rename", "given > new/l/jobs/a.none"), TO_NORMALIZED)


def test_claim_is_synced(tmp_path: Path, recorder: Recorder) -> None:
    PackageStorage(tmp_path, "power").claim("l").release()
    assert recorder.in_order(("sync", "claims"), ("remove", "claims/l"))


@pytest.fixture
def loaded(tmp_path: Path, recorder: Recorder) -> Recorder:
    """A load with `power` into a destination without a ledger, from the moment its package was there."""
    storage = storage_with(tmp_path, "power")
    del recorder.calls[:]

    def watch(name: str, subject: object) -> None:
        recorder.note("step", name)

    hooks.attach(watch)
    try:
        Loader(storage, MemoryDestination(), workers=1).run()
    finally:
        hooks.detach(watch)
    return recorder


JOURNAL = "normalized/l/journal"
MARKER = "normalized/l/.pending_transitions/j0"
OUTCOME = "normalized/l/outcome"


def test_journal_is_synced_before_marker_and_state(loaded: Recorder) -> None:
    assert loaded.in_order(("sync", JOURNAL), ("create", MARKER), ("step", "job.publish"))


def test_name_of_the_journal_is_synced_before_a_job_runs(loaded: Recorder) -> None:
    assert loaded.calls.index(("sync", "normalized/l")) < loaded.at("step", "job.run")


def test_marker_itself_is_not_synced(loaded: Recorder) -> None:
    assert not [path for what, path in loaded.calls if what == "sync" and ".pending_transitions" in path]


def test_outcome_is_synced_then_renamed_then_its_directory_and_only_then_the_evidence_goes(loaded: Recorder) -> None:
    replaced = loaded.at("rename", f"{OUTCOME}.tmp > {OUTCOME}")
    assert loaded.at("sync", f"{OUTCOME}.tmp") < replaced
    assert loaded.calls.index(("sync", "normalized/l"), replaced) < loaded.at("step", "loader.load_record")
    assert loaded.in_order(("step", "loader.load_record"), ("remove", MARKER), ("remove", JOURNAL))


def test_removal_of_the_evidence_is_synced_before_the_package_is_renamed(loaded: Recorder) -> None:
    assert loaded.in_order(("remove", JOURNAL), ("sync", "normalized/l"), TO_LOADED)


def test_package_ends_by_a_rename_and_both_directories_the_target_first(loaded: Recorder) -> None:
    assert loaded.in_order(TO_LOADED, ("sync", "loaded"), ("sync", "normalized"), ("remove", "claims/l"))


def test_a_ledger_needs_no_journal(tmp_path: Path, recorder: Recorder) -> None:
    storage = storage_with(tmp_path, "power", files=3)
    del recorder.calls[:]
    Loader(storage, LedgerMemory(), workers=2).run()
    assert not [path for _, path in recorder.calls if "journal" in path and "remove" not in _]


def test_with_a_ledger_the_number_of_syncs_does_not_grow_with_the_jobs(tmp_path: Path, recorder: Recorder) -> None:
    counts = []
    for files in (1, 30):
        root = tmp_path / str(files)
        storage = storage_with(root, "power", files=files)
        del recorder.calls[:]
        Loader(storage, LedgerMemory(), workers=2).run()
        counts.append(recorder.count("sync"))
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("durability", ["none", "process"])
def test_without_power_nothing_is_synced(tmp_path: Path, recorder: Recorder, durability: Durability) -> None:
    Loader(storage_with(tmp_path, durability, files=30), MemoryDestination()).run()
    assert recorder.count("sync") + recorder.count("sync everything") == 0


def test_process_writes_the_marker_before_the_state(tmp_path: Path, recorder: Recorder) -> None:
    storage = storage_with(tmp_path, "process")
    there: list[bool] = []

    def watch(name: str, subject: object) -> None:
        if name == "job.publish":
            there.append(marker_path(storage, "j0", "l").exists())

    hooks.attach(watch)
    try:
        Loader(storage, MemoryDestination()).run()
    finally:
        hooks.detach(watch)
    assert there == [True]


def test_none_writes_no_marker(tmp_path: Path, recorder: Recorder) -> None:
    storage = storage_with(tmp_path, "none", files=3)
    del recorder.calls[:]
    Loader(storage, MemoryDestination()).run()
    assert not [path for what, path in recorder.calls if what == "create" and ".pending_transitions" in path]


def test_none_ends_with_the_same_package(tmp_path: Path) -> None:
    Loader(storage_with(tmp_path, "none", files=3), MemoryDestination()).run()
    assert files_under(tmp_path) == ["loaded/l/manifest", "loaded/l/outcome"]


def test_unknown_durability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none, process, power"):
        PackageStorage(tmp_path, "paper")  # type: ignore[arg-type]


# -- the journal: many share a sync


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(journal, "flush", gate)
    yield gate
    gate.opened.set()


class Gate:
    """A sync that waits to be let through, and may then fail."""

    def __init__(self) -> None:
        self.calls = 0
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.error: OSError | None = None

    def __call__(self, fd: int, *, grown: bool = False) -> None:
        self.calls += 1
        self.entered.set()
        assert self.opened.wait(10)
        if self.error is not None:
            raise self.error


class Writers:
    """Threads that each add a record to a journal."""

    def __init__(self, to: journal.Journal, count: int) -> None:
        self.errors: list[OSError] = []
        self.threads = [threading.Thread(target=self._add, args=(to, number)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _add(self, to: journal.Journal, number: int) -> None:
        try:
            to.add({"job": str(number)})
        except OSError as error:
            self.errors.append(error)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(10)


def wait_for_lines(path: Path, count: int) -> None:
    for _ in range(10_000):
        if path.read_bytes().count(b"\n") >= count:
            return
        threading.Event().wait(0.001)
    raise AssertionError(f"there never were {count} records")


def test_records_written_during_a_sync_share_the_next_one(tmp_path: Path, gate: Gate) -> None:
    opened = journal.Journal(str(tmp_path / "journal"))
    first = Writers(opened, 1)
    assert gate.entered.wait(10)
    later = Writers(opened, 19)
    wait_for_lines(tmp_path / "journal", 20)
    gate.opened.set()
    first.join()
    later.join()
    opened.close()
    assert gate.calls == 2


def test_record_written_during_a_sync_is_not_taken_for_synced(tmp_path: Path, gate: Gate) -> None:
    opened = journal.Journal(str(tmp_path / "journal"))
    first = Writers(opened, 1)
    assert gate.entered.wait(10)
    second = Writers(opened, 1)
    wait_for_lines(tmp_path / "journal", 2)
    gate.opened.set()
    first.join()
    second.join()
    opened.close()
    assert gate.calls == 2


def test_failed_sync_fails_everybody_who_waited_for_it_and_all_who_come_later(tmp_path: Path, gate: Gate) -> None:
    gate.error = OSError(5, "Input/output error")
    opened = journal.Journal(str(tmp_path / "journal"))
    first = Writers(opened, 1)
    assert gate.entered.wait(10)
    waiting = Writers(opened, 3)
    wait_for_lines(tmp_path / "journal", 4)
    gate.opened.set()
    first.join()
    waiting.join()
    gate.error = None
    later = Writers(opened, 1)
    later.join()
    opened.close()
    assert (len(first.errors), len(waiting.errors), len(later.errors), gate.calls) == (1, 3, 1, 1)


def test_journal_that_cannot_be_synced_ends_in_an_error_and_a_package_that_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, *, grown: bool = False) -> None:
        raise OSError(5, "Input/output error")

    storage, destination = storage_with(tmp_path, "power", files=3), MemoryDestination()
    with monkeypatch.context() as patch:
        patch.setattr(journal, "flush", refuse)
        with pytest.raises(OSError, match="Input/output error"):
            Loader(storage, destination).run()
    assert Loader(storage, destination).run().by_state == {"completed": 3}


def test_record_torn_by_a_crash_spoils_no_later_one(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    opened = journal.Journal(str(path))
    opened.add({"job": "a"})
    opened.add({"job": "b"})
    opened.close()
    path.write_bytes(path.read_bytes()[:-4])
    opened = journal.Journal(str(path))
    opened.add({"job": "c"})
    opened.close()
    assert journal.read(str(path)) == ([{"job": "a"}, {"job": "c"}], 1)


def test_every_cut_of_a_journal_keeps_the_records_before_it(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    opened = journal.Journal(str(path))
    for name in "abc":
        opened.add({"job": name})
    opened.close()
    whole = path.read_bytes()
    ends = [index for index in range(len(whole) + 1) if index == len(whole) or whole[index : index + 1] == b"\n"][1:]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        records, _ = journal.read(str(path))
        assert len(records) == sum(end <= length for end in ends)


# -- a file of its own


def refuse_to_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, *, grown: bool = False) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk_module, "flush", refuse)


def test_file_that_could_not_be_synced_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_sync(monkeypatch)
    with pytest.raises(OSError, match="Input/output error"):
        Disk("power").write(str(tmp_path / "file"), b"new")
    assert os.listdir(tmp_path) == []


def test_file_that_could_not_be_synced_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"old")
    refuse_to_sync(monkeypatch)
    with pytest.raises(OSError, match="Input/output error"):
        Disk("power").write(str(tmp_path / "file"), b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_leftover_of_a_crash_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    leftover = tmp_path / "file.tmp"
    leftover.write_bytes(b"longer than what comes now")
    before = leftover.stat().st_ino
    held = leftover.open("rb")  # so that its number is not used again
    Disk("power").write(str(tmp_path / "file"), b"new")
    assert ((tmp_path / "file").read_bytes(), (tmp_path / "file").stat().st_ino == before) == (b"new", False)
    held.close()


def test_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    Disk("process").write(str(tmp_path / "file"), b"more than three")
    assert (tmp_path / "file").read_bytes() == b"more than three"


def test_directories_that_are_made_are_synced_into_theirs(tmp_path: Path, recorder: Recorder) -> None:
    Disk("power").make_directory(str(tmp_path / "a" / "b"))
    assert ("sync", "a") in recorder.calls
    assert ("sync", str(tmp_path)) in recorder.calls
