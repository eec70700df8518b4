"""What an earlier run left, and how it is brought to a known state before anything new is done.

Every repair is logged and counted in the summary. What is wrong is taken as absent, never as an error: a job without
good evidence is run again, which a ledger makes harmless. Only a damaged manifest or job file cannot be made good here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from refimpl import journal, records
from refimpl.claims import Claim
from refimpl.copying import sha256_of
from refimpl.destinations.base import Destination
from refimpl.errors import Claimed, PackageError, TornError
from refimpl.package import TERMINAL, Evidence, JobSpec, Manifest, Repair
from refimpl.storage import (
    CLAIMS,
    JOBS,
    JOURNAL,
    LOADED,
    MANIFEST,
    MARKERS,
    NEW,
    NORMALIZED,
    OUTCOME,
    PackageStorage,
    entries,
    remove_file,
    remove_tree,
)

_log = logging.getLogger("refimpl")
_KNOWN = (MANIFEST, MARKERS, JOBS, JOURNAL, OUTCOME)


@dataclass
class Recovered:
    """What is known of a package before it is run."""

    manifest: Manifest
    evidence: Mapping[str, Evidence]  # the jobs that need not run again
    repairs: list[Repair] = field(default_factory=list)


def recover(storage: PackageStorage, destination: Destination, claim: Claim, load_id: str) -> Recovered:
    """Bring a claimed package in `normalized/` to a known state; which of its jobs have ended, and what was repaired.

    Where the destination keeps a ledger its rows decide, whatever markers say: a marker can outlive a database that
    was deleted or restored. Raises PackageError when manifest or files are damaged; OSError; what the destination
    raises.
    """
    manifest = storage.manifest(load_id)
    repairs: list[Repair] = []
    if claim.predecessor:
        repairs.append(Repair("claim of a dead owner", claim.path, f"taken over from {claim.predecessor}"))
    repairs += _clean_package(storage, manifest)
    markers, found = read_markers(storage, manifest)
    repairs += found
    journaled, found = _read_journal(storage, manifest)
    repairs += found
    outcome, found = _read_outcome(storage, manifest)
    repairs += found
    evidence: Mapping[str, Evidence]
    if destination.has_ledger:
        evidence = destination.ledger(load_id)
        _check_ledger(manifest, evidence)
        repairs += _against_ledger(storage, load_id, markers, evidence)
    else:
        evidence = {**markers, **journaled} if outcome is None else outcome
    if claim.predecessor:
        _check_files(storage, manifest, evidence)
    _tell(load_id, repairs)
    return Recovered(manifest, evidence, repairs)


def read_markers(storage: PackageStorage, manifest: Manifest) -> tuple[dict[str, Evidence], list[Repair]]:
    """The valid markers of a package by job id; what else is among them is removed and told.

    A marker that is torn, empty, of an unknown state or of another job is taken as absent. Raises OSError when the
    directory cannot be read or made anew.
    """
    folder = storage.path(NORMALIZED, manifest.load_id, MARKERS)
    if not os.path.isdir(folder):
        os.mkdir(folder)
        return {}, [Repair("no marker directory", folder, "no markers")]
    jobs = {job.job_id for job in manifest.jobs}
    markers: dict[str, Evidence] = {}
    repairs: list[Repair] = []
    for name in entries(folder):
        found = records.read_marker(folder, name, jobs)
        if isinstance(found, Evidence):
            markers[name] = found
        else:
            path = os.path.join(folder, name)
            _remove(path)
            repairs.append(Repair(found, path, "absent"))
    return markers, repairs


def settle_both(storage: PackageStorage, load_id: str) -> list[Repair]:
    """If a claimed package is in `loaded/` and in `normalized/`, keep the first; what was done. Raises OSError.

    A rename that a power cut has caught halfway leaves a thing twice; it was begun when the load was recorded.
    """
    if not (storage.exists(LOADED, load_id) and storage.exists(NORMALIZED, load_id)):
        return []
    storage.remove_package(NORMALIZED, load_id)
    repairs = [Repair("package in two places", storage.path(NORMALIZED, load_id), "loaded")]
    _tell(load_id, repairs)
    return repairs


def sweep(storage: PackageStorage, keep_job_files: bool = False) -> list[Repair]:
    """Clear up what dead owners left outside of `normalized/`: packages half built or half dropped, and those that
    ended without being tidied. Whatever a living process works on is left alone. Raises OSError.
    """
    repairs: list[Repair] = []
    for load_id in sorted({*storage.packages(NEW), *storage.packages(CLAIMS)}):
        if storage.exists(NORMALIZED, load_id) and not storage.exists(NEW, load_id):
            continue  # its claim is for whoever runs it
        try:
            claim = storage.claim(load_id)
        except (Claimed, PackageError):
            continue
        try:
            found = list(_sweep_package(storage, load_id, keep_job_files))
        finally:
            claim.release()
        _tell(load_id, found)
        repairs += found
    return repairs


def tidy(storage: PackageStorage, load_id: str, keep_job_files: bool) -> Iterator[Repair]:
    """Remove from a package in `loaded/` what it needs no more; what should not have been there is told."""
    folder = storage.path(LOADED, load_id)
    for name in entries(folder):
        path = os.path.join(folder, name)
        if name in (MARKERS, JOURNAL) or name.endswith(".tmp"):
            _remove(path)
            yield Repair("temporary file" if name.endswith(".tmp") else "orphan marker", path, "removed")
        elif name == JOBS and not keep_job_files:
            remove_tree(path)


def _sweep_package(storage: PackageStorage, load_id: str, keep_job_files: bool) -> Iterator[Repair]:
    if storage.exists(NEW, load_id):
        path = storage.path(NEW, load_id)
        remove_tree(path)
        yield Repair("half a package", path, "removed")
    if storage.exists(LOADED, load_id):
        yield from settle_both(storage, load_id)
        yield from tidy(storage, load_id, keep_job_files)


def _clean_package(storage: PackageStorage, manifest: Manifest) -> list[Repair]:
    """Remove our own temporary files and files of no job; what is not ours stays, and is told."""
    repairs = []
    folder = storage.path(NORMALIZED, manifest.load_id)
    for name in entries(folder):
        path = os.path.join(folder, name)
        if name.endswith(".tmp"):
            _remove(path)
            repairs.append(Repair("temporary file", path, "removed"))
        elif name not in _KNOWN:
            repairs.append(Repair("unknown entry", path, "left alone"))
    files = {job.file_name for job in manifest.jobs}
    for name in entries(os.path.join(folder, JOBS)):
        if name not in files:
            path = os.path.join(folder, JOBS, name)
            _remove(path)
            repairs.append(Repair("file of no job", path, "removed"))
    return repairs


def _read_journal(storage: PackageStorage, manifest: Manifest) -> tuple[dict[str, Evidence], list[Repair]]:
    path = storage.path(NORMALIZED, manifest.load_id, JOURNAL)
    lines, torn = journal.read(path)
    jobs = {job.job_id for job in manifest.jobs}
    evidence: dict[str, Evidence] = {}
    for line in lines:
        try:
            job, found = records.evidence_of(line)
        except (KeyError, TypeError):
            torn += 1
            continue
        if records.is_of(job, jobs) and found.state in TERMINAL:
            evidence[job] = found
        else:
            torn += 1
    return evidence, [Repair("torn record", path, "absent") for _ in range(torn)]


def _read_outcome(storage: PackageStorage, manifest: Manifest) -> tuple[dict[str, Evidence] | None, list[Repair]]:
    path = storage.path(NORMALIZED, manifest.load_id, OUTCOME)
    try:
        found = records.read_outcome(path, manifest)
    except FileNotFoundError:
        return None, []
    except TornError:
        remove_file(path)
        return None, [Repair("torn outcome", path, "absent")]
    return found, [Repair("complete but not renamed", path, "complete")]


def _against_ledger(
    storage: PackageStorage, load_id: str, markers: Mapping[str, Evidence], rows: Mapping[str, Evidence]
) -> list[Repair]:
    repairs = []
    for job, marker in sorted(markers.items()):
        row = rows.get(job)
        if row is None or row.state != marker.state:
            path = storage.path(NORMALIZED, load_id, MARKERS, job)
            taken_as = "absent" if row is None else row.state
            repairs.append(Repair(f"marker {marker.state!r} against the ledger", path, taken_as))
    return repairs


def _check_ledger(manifest: Manifest, rows: Mapping[str, Evidence]) -> None:
    """Raise PackageError if a row is that of another package of this name: what is a job's name worth then?"""
    for spec in manifest.jobs:
        row = rows.get(spec.job_id)
        if row is not None and row.checksum and row.checksum != spec.checksum:
            raise PackageError(
                f"load {manifest.load_id}: the destination has rows of another package of this name, job {spec.job_id} "
                "among them; drop this one, and resume that one from where it was made or load again with --again"
            )


def _check_files(storage: PackageStorage, manifest: Manifest, evidence: Mapping[str, Evidence]) -> None:
    """Raise PackageError if the file of a job that is to run is not what the manifest says. After a crash only."""
    for spec in manifest.jobs:
        path = storage.job_path(manifest.load_id, spec)
        if path and spec.job_id not in evidence and not _is_whole(path, spec):
            raise PackageError(f"{path}: missing or damaged; drop load {manifest.load_id} and load the sources again")


def _is_whole(path: str, spec: JobSpec) -> bool:
    try:
        return os.stat(path).st_size == spec.size and sha256_of(path) == spec.checksum
    except OSError:
        return False


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        remove_tree(path)


def _tell(load_id: str, repairs: list[Repair]) -> None:
    for repair in repairs:
        _log.warning("load %s: %s: %s, taken as: %s", load_id, repair.path, repair.kind, repair.taken_as)
