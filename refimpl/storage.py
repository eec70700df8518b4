"""Packages on disk: `new/`, `normalized/` and `loaded/`, each with a directory for every load.

    <state>/<load_id>/manifest                      the jobs; sealed, written once
    <state>/<load_id>/jobs/<file>                   stay where they are until the package ends
    <state>/<load_id>/.pending_transitions/<job>    the marker of a terminal job; sealed
    <state>/<load_id>/outcome                       how every job ended; sealed; the markers may go once it is there

A package is built in `new/` and appears in `normalized/` by one rename; it ends by one rename to `loaded/`. A marker
costs three operations (open, write, replace); nothing is listed or looked up for a job while it runs.
All file operations go through `open` and `os`, and listings are sorted, so that a watcher sees each in a stable order.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from refimpl import sealed
from refimpl.copying import copy_into, move_into
from refimpl.errors import PackageError, TornError
from refimpl.package import (
    COMPLETED,
    FAILED,
    TERMINAL,
    Disposition,
    Evidence,
    JobSpec,
    Manifest,
    NewJob,
    Repair,
    check_name,
)

NEW, NORMALIZED, LOADED = "new", "normalized", "loaded"
MARKERS = ".pending_transitions"


class PackageStorage:
    """The packages under `root`. Makes the directories that it needs. Raises OSError where the disk refuses."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)
        for folder in (NEW, NORMALIZED, LOADED):
            os.makedirs(os.path.join(self.root, folder), exist_ok=True)

    def path(self, folder: str, load_id: str, *parts: str) -> str:
        """The path of a package in `folder`, or of something in it."""
        return os.path.join(self.root, folder, load_id, *parts)

    def packages(self, folder: str = NORMALIZED) -> list[str]:
        """The load ids in `folder`, sorted: oldest first where ids are made to sort by age."""
        return sorted(os.listdir(os.path.join(self.root, folder)))

    # -- making a package

    def create_package(
        self, load_id: str, jobs: Sequence[NewJob], dispositions: Mapping[str, Disposition] | None = None
    ) -> Manifest:
        """Build a package and make it visible in `normalized/`, whole.

        Args: `dispositions` of the tables that are not to be appended to.

        Raises PackageError for unusable or repeated ids, a source that is not what `checksum` says, or a load id that
        is taken; OSError when a source cannot be read or the package not be written.
        """
        check_name(load_id, "load id")
        seen: set[str] = set()
        for job in jobs:
            if check_name(job.job_id, "job id") in seen:
                raise PackageError(f"job id {job.job_id!r} is used twice in load {load_id}")
            seen.add(job.job_id)
        building = self.path(NEW, load_id)
        if os.path.exists(building):  # somebody died while building it
            remove_tree(building)
        os.makedirs(os.path.join(building, "jobs"))
        os.mkdir(os.path.join(building, MARKERS))
        manifest = Manifest(load_id, tuple(self._add_job(building, job) for job in jobs), dict(dispositions or {}))
        data = {
            "load_id": load_id,
            "jobs": [asdict(spec) for spec in manifest.jobs],
            "dispositions": {table: asdict(how) for table, how in manifest.dispositions.items()},
        }
        sealed.write(os.path.join(building, "manifest"), data)
        self._rename_package(building, self.path(NORMALIZED, load_id))
        return manifest

    def _add_job(self, building: str, job: NewJob) -> JobSpec:
        if job.source is None and job.content is None:
            file_name, size, checksum = "", 0, ""
        else:
            file_name = check_name(f"{job.job_id}.{job.format}", "job file")
            target = os.path.join(building, "jobs", file_name)
            if job.take and job.source is not None:
                size, checksum = move_into(target, job.source)
            else:
                size, checksum = copy_into(target, job.source, job.content)
        if job.checksum is not None and checksum != job.checksum:
            raise PackageError(f"{job.source}: changed while it was being read; run again")
        origin = job.origin or job.source or ""
        return JobSpec(
            job.job_id, job.table, job.format, file_name, size, checksum, job.columns, dict(job.options), origin
        )

    def drop_package(self, folder: str, load_id: str) -> None:
        """Delete a package with all that is in it. Raises OSError."""
        remove_tree(self.path(folder, load_id))

    def drop_job_files(self, load_id: str) -> None:
        """Delete the job files of a package that has ended. Raises OSError."""
        remove_tree(self.path(LOADED, load_id, "jobs"))

    # -- reading a package

    def manifest(self, load_id: str, folder: str = NORMALIZED) -> Manifest:
        """What the package holds. Raises PackageError when its manifest is missing or damaged."""
        path = self.path(folder, load_id, "manifest")
        try:
            data = sealed.read(path)
            jobs = tuple(_spec(job) for job in data["jobs"])
            dispositions = {
                table: Disposition(how["kind"], tuple(how["key"])) for table, how in data["dispositions"].items()
            }
        except FileNotFoundError:
            raise PackageError(f"{path}: no such package") from None
        except (TornError, KeyError, TypeError) as error:
            raise PackageError(f"{path}: the manifest is damaged ({error}); load the sources again") from error
        if data["load_id"] != load_id:
            raise PackageError(f"{path}: the manifest is that of load {data['load_id']}")
        return Manifest(load_id, jobs, dispositions)

    def job_path(self, load_id: str, spec: JobSpec) -> str:
        """Where the job's file is while its package is in `normalized/`; "" when the job has none."""
        return self.path(NORMALIZED, load_id, "jobs", spec.file_name) if spec.file_name else ""

    # -- markers

    def write_marker(self, load_id: str, job_id: str, evidence: Evidence) -> None:
        """Leave evidence of how a job ended, in one step. Raises OSError."""
        data = {
            "job": job_id,
            "state": evidence.state,
            "message": evidence.message,
            "rows": evidence.rows,
            "follow_ups": [asdict(spec) for spec in evidence.follow_ups],
        }
        sealed.write(self.path(NORMALIZED, load_id, MARKERS, job_id), data)

    def read_markers(self, manifest: Manifest) -> tuple[dict[str, Evidence], list[Repair]]:
        """The valid markers of a package by job id, and what else was found among them.

        A marker that is torn, empty, of an unknown state or of another job is taken as absent. Raises OSError when
        the directory cannot be read or made anew.
        """
        folder = self.path(NORMALIZED, manifest.load_id, MARKERS)
        jobs = {job.job_id for job in manifest.jobs}  # and what follows them: job+0, job+0+1
        markers: dict[str, Evidence] = {}
        repairs: list[Repair] = []
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            os.mkdir(folder)
            return {}, [Repair("no marker directory", folder, "no markers")]
        for name in names:
            path = os.path.join(folder, name)
            found = _read_marker(path, name, jobs)
            if isinstance(found, Evidence):
                markers[name] = found
            else:
                repairs.append(Repair(found, path, "absent"))
        return markers, repairs

    # -- the end of a package

    def write_outcome(self, manifest: Manifest, evidence: Mapping[str, Evidence]) -> None:
        """Record how every job ended, so that the markers are no longer needed. Raises OSError."""
        data = {
            "jobs": sum(job.job_id in evidence for job in manifest.jobs),
            "failed": {job: found.message for job, found in sorted(evidence.items()) if found.state == FAILED},
            "follow_ups": [asdict(spec) for _, found in sorted(evidence.items()) for spec in found.follow_ups],
        }
        sealed.write(self.path(NORMALIZED, manifest.load_id, "outcome"), data)

    def read_outcome(self, manifest: Manifest, folder: str = NORMALIZED) -> dict[str, Evidence] | None:
        """How every job ended; None when the package is not that far, or what it says cannot be trusted."""
        try:
            data = sealed.read(self.path(folder, manifest.load_id, "outcome"))
            if data["jobs"] != len(manifest.jobs):
                return None
            failed = data["failed"]
            follow_ups = [_spec(spec) for spec in data["follow_ups"]]
        except (OSError, TornError, KeyError, TypeError):
            return None
        followed: dict[str, list[JobSpec]] = {}
        for spec in follow_ups:
            followed.setdefault(spec.parent, []).append(spec)
        return {
            job.job_id: Evidence(
                FAILED if job.job_id in failed else COMPLETED,
                failed.get(job.job_id, ""),
                follow_ups=tuple(followed.get(job.job_id, ())),
            )
            for job in (*manifest.jobs, *follow_ups)
        }

    def clear_markers(self, load_id: str) -> None:
        """Remove the markers and whatever else lies among them. Raises OSError."""
        remove_tree(self.path(NORMALIZED, load_id, MARKERS))

    def finalise(self, load_id: str) -> None:
        """Move the package to `loaded/`, in one step. Raises PackageError when it is there already, or OSError."""
        self._rename_package(self.path(NORMALIZED, load_id), self.path(LOADED, load_id))

    def _rename_package(self, source: str, target: str) -> None:
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise PackageError(f"{target}: there is a package of that name already") from error
            raise


def _read_marker(path: str, name: str, jobs: Iterable[str]) -> Evidence | str:
    """The marker, or what is wrong with it."""
    if name.endswith(".tmp"):
        return "temporary file"
    if name.partition("+")[0] not in jobs:
        return "foreign marker"
    try:
        data = sealed.read(path)
        follow_ups = tuple(_spec(spec) for spec in data["follow_ups"])
        evidence = Evidence(data["state"], data["message"], data["rows"], follow_ups)
    except (OSError, TornError, KeyError, TypeError):
        return "torn marker"
    if data.get("job") != name:
        return "foreign marker"  # a reused disk block may hold another marker, whole
    return evidence if evidence.state in TERMINAL else "unknown state"


def _spec(data: dict[str, Any]) -> JobSpec:
    columns = tuple((name, kind) for name, kind in data.pop("columns"))
    return JobSpec(columns=columns, **data)


def remove_tree(path: str) -> None:
    """Delete a directory and all that is in it; what is already gone is no error. Raises OSError."""
    try:
        for name in sorted(os.listdir(path)):
            entry = os.path.join(path, name)
            try:
                os.unlink(entry)
            except OSError:
                if not stat.S_ISDIR(os.lstat(entry).st_mode):
                    raise
                remove_tree(entry)
        os.rmdir(path)
    except FileNotFoundError:
        pass
