"""File operations that fail, as choices: what each kind leaves on disk, and what it finds in programs."""

from __future__ import annotations

import errno
import os

import pytest

import harness
from harness.faults import FILE_FAULTS, happened
from harness.faults.files import _APPLICABLE


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


def left(root, program, kind, faults=1, **options):
    """Outcome and files after each execution that had a fault; in the order of the search."""
    seen = []

    def run():
        try:
            outcome = program()
        except OSError as error:
            outcome = errno.errorcode[error.errno]
        execution = harness.runtime.control.current()
        with harness.runtime.control.quiet(execution):
            files = {path.name: path.read_bytes() if path.is_file() else "dir" for path in sorted(root.iterdir())}
        if happened(execution):
            seen.append((happened(execution)[0].place.split(" normal")[0], outcome, files))

    result = harness.explore(run, root=root, faults=faults, file_faults=[kind], **options)
    assert result.failure is None, result.failure.explain()
    return seen


def save(root):
    def program():
        with open(root / "f", "wb") as file:
            file.write(b"0123456789")
        return "saved"

    return program


def test_disk_full_for_a_moment_leaves_half(root):
    seen = left(root, save(root), "ENOSPC")
    assert seen == [("write file f", "ENOSPC", {"f": b"01234"}), ("create f", "ENOSPC", {})]


def test_device_error_leaves_nothing_of_the_write(root):
    assert left(root, save(root), "EIO") == [("write file f", "EIO", {"f": b""})]


def test_short_write_is_made_up_for_by_a_buffered_file(root):
    assert left(root, save(root), "short write") == [("write file f", "saved", {"f": b"0123456789"})]


def test_short_write_loses_the_rest_where_nobody_looks(root):
    def program():
        fd = os.open(root / "f", os.O_CREAT | os.O_WRONLY)
        os.write(fd, b"0123456789")
        os.close(fd)

    assert left(root, program, "short write") == [("write file f", None, {"f": b"01234"})]


def test_full_disk_stays_full(root):
    told = []

    def program():
        for name in "fg":
            try:
                with open(root / name, "wb") as file:
                    file.write(b"01")
            except OSError as error:
                told.append(errno.errorcode[error.errno])
        return "tried"

    files = [found for _place, _outcome, found in left(root, program, "disk full")]
    assert files == [{"f": b"01", "g": b"0"}, {"f": b"01"}, {"f": b"0"}, {}]
    assert set(told) == {"ENOSPC"}


@pytest.mark.parametrize(("kind", "files"), [("EIO", {"a": b""}), ("EIO after", {"b": b""}), ("EACCES", {"a": b""})])
def test_failed_rename_has_happened_or_not(root, kind, files):
    def program():
        fd = os.open(root / "a", os.O_CREAT)
        os.close(fd)
        os.rename(root / "a", root / "b")

    [seen] = [s for s in left(root, program, kind) if s[0].startswith("rename")]
    assert seen[2] == files


def test_no_descriptor_left_is_met_once(root):
    def program():
        try:
            return os.listdir(root)
        except OSError:
            return os.listdir(root)

    assert left(root, program, "EMFILE") == [("list .", [], {})]


def test_failing_fsync_is_a_step_that_fails(root):
    def program():
        fd = os.open(root / "f", os.O_CREAT | os.O_WRONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    assert left(root, program, "fsync") == [("fsync f", "EIO", {"f": b""})]


def test_every_kind_applies_to_something():
    assert {kind for kinds in _APPLICABLE.values() for kind in kinds} == set(FILE_FAULTS)


def test_unknown_kind_names_the_known_ones(root):
    with pytest.raises(harness.UsageError, match=r"unknown file faults ENOENTT; there are EIO, EIO after, ENOSPC"):
        harness.explore(save(root), root=root, faults=1, file_faults=["ENOENTT"])


def test_root_with_something_in_it_is_refused(root):
    (root / "precious").write_text("mine")
    with pytest.raises(harness.UsageError, match="not empty"):
        harness.explore(save(root), root=root)
    assert (root / "precious").read_text() == "mine"


def test_root_that_is_missing_is_refused(root):
    with pytest.raises(harness.UsageError, match="no such directory"):
        harness.explore(save(root), root=root / "gone")


def test_without_faults_files_below_the_root_are_steps_that_work(root):
    result = harness.explore(save(root), root=root)
    assert result.executions == 1
    assert any(step.resource == "file f" for step in _steps(save(root), root))


def _steps(program, root):
    def failing():
        program()
        raise AssertionError("seen")

    for name in os.listdir(root):
        os.unlink(root / name)
    return harness.explore(failing, root=root).failure.finding.execution.steps


def wrong_save(root):
    """Renames even where the write has failed."""

    def program():
        (root / "f").write_bytes(b"old")
        try:
            with open(root / "t", "wb") as file:
                file.write(b"new")
        except OSError:
            pass
        if (root / "t").exists():
            os.replace(root / "t", root / "f")
        with open(root / "f", "rb") as file:
            assert file.read() in (b"old", b"new")

    return program


def test_a_save_that_ignores_a_failed_write_is_found(root):
    result = harness.explore(wrong_save(root), root=root, faults=1, file_faults=["ENOSPC"])
    assert result.failure.kind == "exception"
    assert "write file (ENOSPC)" in result.failure.explain()
    assert "root=..., file_faults=['ENOSPC']" in result.failure.explain()
