"""What a new run makes of what an old one left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from loading import LedgerMemory, MemoryDestination, fails, files_under, marker_path, package

from refimpl import hooks
from refimpl.errors import TerminalError
from refimpl.loader import Loader
from refimpl.package import Evidence

DONE = Evidence("completed", "", 7)


class Crash(BaseException):
    """Stands for the end of the process."""


def crash_at(nth: int) -> Callable[[str, object], None]:
    """A hook that raises at the `nth` step and at each one after it."""
    count = 0

    def hook(name: str, subject: object) -> None:
        nonlocal count
        count += 1
        if count >= nth:
            raise Crash(name)

    return hook


def test_job_with_a_completed_marker_is_not_run(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a", "b"), MemoryDestination()
    storage.write_marker("load-1", "a", DONE)
    Loader(storage, destination).run()
    assert destination.commits == ["b"]


def test_job_with_a_completed_marker_keeps_its_rows(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    storage.write_marker("load-1", "a", DONE)
    assert Loader(storage, MemoryDestination()).run().rows == 7


def test_job_with_a_failed_marker_is_not_run(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a", "b"), MemoryDestination()
    storage.write_marker("load-1", "a", Evidence("failed", "bad data"))
    Loader(storage, destination).run()
    assert destination.commits == ["b"]


def test_job_with_a_failed_marker_keeps_its_message(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    storage.write_marker("load-1", "a", Evidence("failed", "bad data"))
    assert Loader(storage, MemoryDestination()).run().failed[0].message == "bad data"


def test_job_with_a_torn_marker_is_run(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()
    marker_path(storage, "a").write_bytes(b"")
    Loader(storage, destination).run()
    assert destination.commits == ["a"]


def test_torn_marker_is_in_the_summary(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "a").write_bytes(b"")
    assert [repair.kind for repair in Loader(storage, MemoryDestination()).run().repairs] == ["torn marker"]


def test_what_lies_among_the_markers_is_gone_at_the_end(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "foreign").write_bytes(b"?")
    marker_path(storage, "a.tmp").write_bytes(b"?")
    marker_path(storage, "folder").mkdir()
    Loader(storage, MemoryDestination()).run()
    assert files_under(tmp_path) == ["loaded/load-1/manifest", "loaded/load-1/outcome"]


def test_ledger_decides_against_a_marker_that_claims_too_much(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), LedgerMemory()
    storage.write_marker("load-1", "a", DONE)
    Loader(storage, destination).run()
    assert destination.commits == ["a"]


def test_ledger_row_without_a_marker_is_enough(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), LedgerMemory()
    destination.rows["a"] = DONE
    Loader(storage, destination).run()
    assert destination.commits == []


def test_marker_against_the_ledger_is_reported(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), LedgerMemory()
    storage.write_marker("load-1", "a", DONE)
    assert len(Loader(storage, destination).run().repairs) == 1


def test_ledger_row_of_a_failed_job_keeps_its_message(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a"), LedgerMemory()
    destination.rows["a"] = Evidence("failed", "bad data")
    assert Loader(storage, destination).run().failed[0].message == "bad data"


def test_outcome_stands_in_for_markers_that_are_cleared(tmp_path: Path) -> None:
    storage, destination = package(tmp_path, "a", "b"), MemoryDestination()
    storage.write_outcome(storage.manifest("load-1"), {"a": DONE, "b": Evidence("failed", "no")})
    storage.clear_markers("load-1")
    assert Loader(storage, destination).run().by_state == {"completed": 1, "failed": 1}


def run_until_crash(root: Path, destination: MemoryDestination | LedgerMemory, nth: int) -> bool:
    """Whether a run without threads was cut short at its `nth` step."""
    hook = crash_at(nth)
    hooks.attach(hook)
    try:
        Loader(package_or_storage(root), destination, workers=0).run()
    except Crash:
        return True
    finally:
        hooks.detach(hook)
    return False


def package_or_storage(root: Path):  # type: ignore[no-untyped-def]
    from refimpl.storage import PackageStorage

    return PackageStorage(root, "process")


def sweep(
    tmp_path: Path, kind: type[MemoryDestination] | type[LedgerMemory]
) -> list[tuple[MemoryDestination | LedgerMemory, Path]]:
    """A load cut short at its first, second, ... step, each then run to its end."""
    ended = []
    for nth in range(1, 200):
        root = tmp_path / str(nth)
        destination = kind(b=fails(TerminalError("bad data")))
        package(root, *"abc")
        crashed = run_until_crash(root, destination, nth)
        Loader(package_or_storage(root), destination, workers=2).run()
        ended.append((destination, root))
        if not crashed:
            return ended
    raise AssertionError("the load does not end")


def test_cut_short_anywhere_every_job_arrives(tmp_path: Path) -> None:
    assert all(set(destination.commits) == {"a", "c"} for destination, _ in sweep(tmp_path, MemoryDestination))


def test_cut_short_anywhere_with_a_ledger_no_job_is_loaded_twice(tmp_path: Path) -> None:
    assert all(sorted(destination.commits) == ["a", "c"] for destination, _ in sweep(tmp_path, LedgerMemory))


def test_cut_short_anywhere_the_load_is_recorded_once(tmp_path: Path) -> None:
    assert all(destination.loads == ["load-1"] for destination, _ in sweep(tmp_path, LedgerMemory))


def test_cut_short_anywhere_nothing_is_left_over(tmp_path: Path) -> None:
    left = {tuple(files_under(root)) for _, root in sweep(tmp_path, LedgerMemory)}
    assert left == {("loaded/load-1/manifest", "loaded/load-1/outcome")}


def test_sweep_cuts_at_every_step_of_three_jobs(tmp_path: Path) -> None:
    # 3 jobs x (start, run, marker, finished, publish, release), 2 x commit, 1 x ledger; the loader: claim, lease,
    # recover, prepare, 3 x (start, wait, poll, complete), outcome, load_record, clear, finalise, tidy, quiesce; and
    # the last run, which was not cut.
    assert len(sweep(tmp_path, LedgerMemory)) == 3 * 6 + 2 + 1 + 4 + 3 * 4 + 6 + 1


@pytest.mark.parametrize("fault", ["write_outcome", "clear_markers", "finalise"])
def test_disk_that_fails_at_the_end_leaves_a_package_that_resumes(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, destination = package(tmp_path, "a"), MemoryDestination()

    def refuse(*arguments: object) -> None:
        raise OSError(os.EX_IOERR, "I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(storage, fault, refuse)
        with pytest.raises(OSError, match="I/O error"):
            Loader(storage, destination).run()
    Loader(storage, destination).run()
    assert (destination.commits, storage.packages("loaded")) == (["a"], ["load-1"])
