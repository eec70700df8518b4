"""Packages and markers on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from loading import files_under, marker_path, package

from refimpl import sealed
from refimpl.errors import PackageError, TornError
from refimpl.package import Evidence, NewJob
from refimpl.recovery import read_markers
from refimpl.storage import PackageStorage

DONE = Evidence("completed", "", 3)


def test_created_package_is_in_normalized(tmp_path: Path) -> None:
    assert package(tmp_path, "a").packages() == ["load-1"]


def test_created_package_leaves_nothing_in_new(tmp_path: Path) -> None:
    assert package(tmp_path, "a").packages("new") == []


def test_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    storage = PackageStorage(tmp_path, "process")
    jobs = [NewJob("a", "t", "csv", content=b"x\n1\n", columns=(("x", "BIGINT"),), options={"delimiter": ","})]
    assert storage.create_package("l", jobs) == storage.manifest("l")


def test_manifest_has_the_checksum_of_the_copied_source(tmp_path: Path) -> None:
    source = tmp_path / "data.csv"
    source.write_bytes(b"x\n1\n")
    storage = PackageStorage(tmp_path / "state", "process")
    manifest = storage.create_package("l", [NewJob("a", format="csv", source=str(source))])
    assert manifest.jobs[0].checksum == hashlib.sha256(b"x\n1\n").hexdigest()


def test_job_file_does_not_follow_its_source(tmp_path: Path) -> None:
    source = tmp_path / "data.csv"
    source.write_bytes(b"x\n1\n")
    storage = PackageStorage(tmp_path / "state", "process")
    manifest = storage.create_package("l", [NewJob("a", format="csv", source=str(source))])
    with source.open("ab") as file:
        file.write(b"2\n")
    assert Path(storage.job_path("l", manifest.jobs[0])).read_bytes() == b"x\n1\n"


def test_source_that_is_not_what_was_hashed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="changed"):
        PackageStorage(tmp_path, "process").create_package("l", [NewJob("a", content=b"1", checksum="0" * 64)])


def test_refused_package_is_not_seen(tmp_path: Path) -> None:
    storage = PackageStorage(tmp_path, "process")
    with pytest.raises(PackageError):
        storage.create_package("l", [NewJob("a", content=b"1", checksum="0" * 64)])
    assert storage.packages() == []


@pytest.mark.parametrize("job_id", ["", ".hidden", "a/b", "..", "a.tmp", "a b", "x" * 201])
def test_job_id_that_cannot_be_a_file_name_is_refused(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(PackageError, match="job id"):
        package(tmp_path, job_id)


def test_repeated_job_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="twice"):
        package(tmp_path, "a", "a")


def test_taken_load_id_is_refused(tmp_path: Path) -> None:
    package(tmp_path, "a")
    with pytest.raises(PackageError, match="already"):
        package(tmp_path, "b")


def test_half_built_package_is_built_anew(tmp_path: Path) -> None:
    half = tmp_path / "new" / "load-1" / "jobs"
    half.mkdir(parents=True)
    (half / "stale").write_text("x")
    package(tmp_path, "a")
    assert files_under(tmp_path) == ["normalized/load-1/manifest"]


def test_damaged_manifest_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    path = Path(storage.path("normalized", "load-1", "manifest"))
    path.write_bytes(path.read_bytes().replace(b"items", b"itemz"))
    with pytest.raises(PackageError, match="load-1/manifest"):
        storage.manifest("load-1")


def test_missing_package_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no such package"):
        PackageStorage(tmp_path, "process").manifest("nothing")


def test_manifest_of_another_load_is_an_error(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    (tmp_path / "normalized" / "load-1").rename(tmp_path / "normalized" / "load-2")
    with pytest.raises(PackageError, match="that of load load-1"):
        storage.manifest("load-2")


def test_marker_reads_back_as_it_was_written(tmp_path: Path) -> None:
    storage = package(tmp_path, "a", "b")
    storage.write_marker("load-1", "a", DONE)
    assert read_markers(storage, storage.manifest("load-1")) == ({"a": DONE}, [])


def test_marker_is_replaced(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    storage.write_marker("load-1", "a", DONE)
    storage.write_marker("load-1", "a", Evidence("failed", "no"))
    assert read_markers(storage, storage.manifest("load-1"))[0] == {"a": Evidence("failed", "no")}


def test_marker_in_a_package_that_is_gone_raises(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    storage.finalise("load-1")
    with pytest.raises(FileNotFoundError):
        storage.write_marker("load-1", "a", DONE)




def raw_marker(job: str, state: str) -> bytes:
    return sealed.seal({"job": job, "state": state, "message": "", "rows": 0, "follow_ups": []})


WHOLE = raw_marker("a", "completed")
BAD_MARKERS = {
    "empty": (b"", "torn marker"),
    "cut": (WHOLE[:-3], "torn marker"),
    "header only": (WHOLE.partition(b"\n")[0], "torn marker"),
    "NUL bytes": (b"\0" * len(WHOLE), "torn marker"),
    "changed": (WHOLE.replace(b"completed", b"complexed"), "torn marker"),
    "not a marker": (b"hello", "torn marker"),
    "not an object": (sealed.seal([1]), "torn marker"),
    "fields missing": (sealed.seal({"job": "a"}), "torn marker"),
    "unknown state": (raw_marker("a", "retry"), "unknown state"),
    "another job's": (raw_marker("b", "completed"), "foreign marker"),
}


@pytest.mark.parametrize("kind", BAD_MARKERS)
def test_bad_marker_is_absent_and_reported(tmp_path: Path, kind: str) -> None:
    storage = package(tmp_path, "a", "b")
    raw, reported = BAD_MARKERS[kind]
    marker_path(storage, "a").write_bytes(raw)
    markers, repairs = read_markers(storage, storage.manifest("load-1"))
    assert (markers, [repair.kind for repair in repairs]) == ({}, [reported])


def test_every_cut_of_a_marker_is_torn() -> None:
    torn = 0
    for length in range(len(WHOLE)):
        try:
            sealed.unseal(WHOLE[:length])
        except TornError:
            torn += 1
    assert torn == len(WHOLE)


def test_marker_of_no_job_is_reported(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "zzz").write_bytes(WHOLE)
    assert [repair.kind for repair in read_markers(storage, storage.manifest("load-1"))[1]] == ["orphan marker"]


def test_temporary_file_among_the_markers_is_reported(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "a.tmp").write_bytes(WHOLE)
    assert [repair.kind for repair in read_markers(storage, storage.manifest("load-1"))[1]] == ["temporary file"]


def test_directory_in_place_of_a_marker_is_absent(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "a").mkdir()
    assert read_markers(storage, storage.manifest("load-1"))[0] == {}


def test_missing_marker_directory_is_made(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    marker_path(storage, "a").parent.rmdir()
    read_markers(storage, storage.manifest("load-1"))
    assert marker_path(storage, "a").parent.is_dir()


def test_finalise_moves_the_package(tmp_path: Path) -> None:
    storage = package(tmp_path, "a")
    storage.finalise("load-1")
    assert (storage.packages(), storage.packages("loaded")) == ([], ["load-1"])


def test_load_id_of_an_ended_package_is_refused(tmp_path: Path) -> None:
    package(tmp_path, "a").finalise("load-1")
    with pytest.raises(PackageError, match="already"):
        package(tmp_path, "a")


def test_refused_package_leaves_nothing_behind(tmp_path: Path) -> None:
    storage = PackageStorage(tmp_path, "process")
    with pytest.raises(PackageError):
        storage.create_package("l", [NewJob("a", content=b"1"), NewJob("b", content=b"1", checksum="0" * 64)])
    assert [storage.packages(folder) for folder in ("new", "normalized", "claims")] == [[], [], []]


def test_outcome_that_counts_other_jobs_is_not_trusted(tmp_path: Path) -> None:
    storage = package(tmp_path, "a", "b")
    manifest = storage.manifest("load-1")
    storage.write_outcome(manifest, {"a": DONE})
    assert storage.read_outcome(manifest) is None
