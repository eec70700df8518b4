"""Packages on disk: `new/`, `normalized/` and `loaded/`, each with a directory for every load.

    <state>/<load_id>/manifest                      the jobs; sealed, written once
    <state>/<load_id>/jobs/<file>                   stay where they are until the package ends
    <state>/<load_id>/.pending_transitions/<job>    the marker of a terminal job; sealed
    <state>/<load_id>/journal                       the markers again (`power`, no ledger)
    <state>/<load_id>/outcome                       how every job ended; sealed; the markers may go once it is there
    claims/<load_id>                                who works on the package now

A package is built in `new/` and appears in `normalized/` by one rename; it ends by one rename to `loaded/`. The file of
a job is never moved, so it cannot be lost on the way or found twice. Nothing is listed or looked up for a job while it
runs.
All file operations go through `open` and `os`, and listings are sorted, so that a watcher sees each in a stable order.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence

from refimpl import claims, manifest
from refimpl.copying import copy_into, move_into
from refimpl.disk import MANY, Disk, Durability, write_all
from refimpl.errors import PackageError, TornError
from refimpl.journal import Journal
from refimpl.machine import Machine
from refimpl.package import Disposition, Evidence, JobSpec, Manifest, NewJob, check_name
from refimpl.records import marker_data, outcome_bytes, read_outcome
from refimpl.sealed import seal, seal_lines

NEW, NORMALIZED, LOADED, CLAIMS = "new", "normalized", "loaded", "claims"
MARKERS, JOBS, JOURNAL, OUTCOME, MANIFEST = ".pending_transitions", "jobs", "journal", "outcome", "manifest"

_MARKER = os.O_CREAT | os.O_TRUNC | os.O_WRONLY


class PackageStorage:
    """The packages under `root`. Makes the directories that it needs. Raises OSError where the disk refuses.

    Args: `durability`: what a package and the evidence of its jobs survive, see `refimpl.disk`. `machine`: who we are.
    """

    def __init__(
        self, root: str | os.PathLike[str], durability: Durability = "power", machine: Machine | None = None
    ) -> None:
        self.root = os.fspath(root)
        self.disk = Disk(durability)
        self.machine = machine or Machine()
        self._journals: dict[str, Journal] = {}
        for folder in (NEW, NORMALIZED, LOADED, CLAIMS):
            self.disk.make_directory(os.path.join(self.root, folder))

    def path(self, folder: str, load_id: str, *parts: str) -> str:
        """The path of a package in `folder`, or of something in it."""
        return os.path.join(self.root, folder, load_id, *parts)

    def packages(self, folder: str = NORMALIZED) -> list[str]:
        """The load ids in `folder`, sorted: oldest first where ids are made to sort by age."""
        return sorted(os.listdir(os.path.join(self.root, folder)))

    def exists(self, folder: str, load_id: str) -> bool:
        """Whether the package is in `folder`."""
        return os.path.isdir(self.path(folder, load_id))

    def claim(self, load_id: str) -> claims.Claim:
        """Keep others off the package. Raises Claimed when somebody works on it, or OSError."""
        check_name(load_id, "load id")
        return claims.take(self.disk, self.path(CLAIMS, load_id), self.machine, load_id)

    # -- making a package

    def create_package(
        self, load_id: str, jobs: Sequence[NewJob], dispositions: Mapping[str, Disposition] | None = None
    ) -> Manifest:
        """Build a package and make it visible in `normalized/`, whole.

        Args: `dispositions` of the tables that are not to be appended to.

        Raises PackageError for unusable or repeated ids, a source that is not what `checksum` says, or a load id that
        is taken or being worked on; OSError when a source cannot be read or the package not be written.
        """
        _check_names(load_id, jobs)
        claim = self.claim(load_id)
        try:
            for folder in (NORMALIZED, LOADED):
                if self.exists(folder, load_id):
                    raise PackageError(f"{self.path(folder, load_id)}: there is a package of that name already")
            building = self.path(NEW, load_id)
            remove_tree(building)  # if somebody died while building it
            try:
                made = self._build(building, load_id, jobs, dispositions or {})
                self._rename_package(building, self.path(NORMALIZED, load_id))
            except BaseException:
                remove_tree(building)
                raise
        finally:
            claim.release()
        return made

    def _build(
        self, building: str, load_id: str, jobs: Sequence[NewJob], dispositions: Mapping[str, Disposition]
    ) -> Manifest:
        """Everything of a package in a directory of its own, durable."""
        folders = [os.path.join(building, JOBS), os.path.join(building, MARKERS), building]
        for folder in folders:
            os.makedirs(folder, exist_ok=True)
        singly = self.disk.syncs and sum(job.has_file for job in jobs) < MANY
        specs = tuple(self._add_job(building, job, singly) for job in jobs)
        made = Manifest(load_id, specs, dict(dispositions))
        # Straight to its name: until the package is renamed nobody reads it.
        path = os.path.join(building, MANIFEST)
        with open(path, "wb", buffering=1 << 18) as file:
            file.writelines(seal_lines(manifest.lines(load_id, specs, made.dispositions)))
        self.disk.sync_file(path)
        if not singly and not self.disk.sync_many(building):
            for spec in specs:
                if spec.file_name:
                    self.disk.sync_file(os.path.join(building, JOBS, spec.file_name))
        for folder in folders:
            self.disk.sync_directory(folder)
        return made

    def _add_job(self, building: str, job: NewJob, sync: bool) -> JobSpec:
        if not job.has_file:
            file_name, size, checksum = "", 0, ""
        else:
            file_name = check_name(f"{job.job_id}.{job.format}", "job file")
            target = os.path.join(building, JOBS, file_name)
            if job.take and job.source is not None:
                size, checksum = move_into(target, job.source, sync)
            else:
                size, checksum = copy_into(target, job.source, job.content, sync)
        if job.checksum is not None and checksum != job.checksum:
            raise PackageError(f"{job.source}: changed while it was being read; run again")
        origin = job.origin or job.source or ""
        return JobSpec(job.job_id, job.table, job.format, file_name, size, checksum, job.columns, job.options, origin)

    def drop_package(self, folder: str, load_id: str) -> None:
        """Delete a package with all that is in it. Raises Claimed when somebody works on it, or OSError."""
        claim = self.claim(load_id)
        try:
            self.remove_package(folder, load_id)
        finally:
            claim.release()

    def remove_package(self, folder: str, load_id: str) -> None:
        """Delete a package that is claimed; gone at once for everybody, or not at all. Raises OSError."""
        waste = self.path(NEW, load_id)  # where nothing that lies there counts
        remove_tree(waste)
        try:
            self.disk.rename(self.path(folder, load_id), waste)
        except FileNotFoundError:
            return
        remove_tree(waste)

    # -- reading a package

    def manifest(self, load_id: str, folder: str = NORMALIZED) -> Manifest:
        """What the package holds. Raises PackageError when its manifest is missing or damaged."""
        return manifest.read(self.path(folder, load_id, MANIFEST), load_id)

    def job_path(self, load_id: str, spec: JobSpec) -> str:
        """Where the job's file is while its package is in `normalized/`; "" when the job has none."""
        return self.path(NORMALIZED, load_id, JOBS, spec.file_name) if spec.file_name else ""

    # -- markers

    def open_journal(self, load_id: str) -> None:
        """From now on a marker is durable once it is written, with `power`. To be closed by `close_journal`."""
        if self.disk.syncs:
            self._journals[load_id] = Journal(self.path(NORMALIZED, load_id, JOURNAL))
            self.disk.sync_directory(self.path(NORMALIZED, load_id))

    def close_journal(self, load_id: str) -> None:
        """Close what `open_journal` has opened, if it has."""
        journal = self._journals.pop(load_id, None)
        if journal is not None:
            journal.close()

    def write_marker(self, load_id: str, job_id: str, evidence: Evidence) -> None:
        """Leave evidence of how a job ended. Raises OSError. With `none` nothing is left."""
        if self.disk.durability == "none":
            return
        data = marker_data(job_id, evidence)
        journal = self._journals.get(load_id)
        if journal is not None:
            journal.add(data)
        # Neither renamed into place nor synced. It knows whether it is whole, so half of one reads as none; and where
        # power matters it is a cache, of the ledger or of the journal.
        fd = os.open(self.path(NORMALIZED, load_id, MARKERS, job_id), _MARKER, 0o666)
        try:
            write_all(fd, seal(data))
        finally:
            os.close(fd)


    # -- the end of a package

    def write_outcome(self, made: Manifest, evidence: Mapping[str, Evidence], status: str = "loaded") -> None:
        """Record how every job ended, so that the markers are no longer needed. Raises OSError."""
        path = self.path(NORMALIZED, made.load_id, OUTCOME)
        self.disk.write(path, outcome_bytes(made, evidence, status))
        self.disk.sync_directory(os.path.dirname(path))

    def read_outcome(self, made: Manifest, folder: str = NORMALIZED) -> dict[str, Evidence] | None:
        """How every job ended; None when the package is not that far, or what it says cannot be trusted."""
        try:
            return read_outcome(self.path(folder, made.load_id, OUTCOME), made)
        except (OSError, TornError):
            return None

    def clear_markers(self, load_id: str) -> None:
        """Remove the markers and whatever else lies among them, and the journal. Raises OSError."""
        self.close_journal(load_id)
        package = self.path(NORMALIZED, load_id)
        remove_tree(os.path.join(package, MARKERS))
        remove_file(os.path.join(package, JOURNAL))
        self.disk.sync_directory(package)

    def finalise(self, load_id: str) -> None:
        """Move the package to `loaded/`, in one step. Raises PackageError when it is there already, or OSError."""
        self._rename_package(self.path(NORMALIZED, load_id), self.path(LOADED, load_id))

    def _rename_package(self, source: str, target: str) -> None:
        try:
            self.disk.rename(source, target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise PackageError(f"{target}: there is a package of that name already") from error
            raise


def _check_names(load_id: str, jobs: Sequence[NewJob]) -> None:
    check_name(load_id, "load id")
    seen: set[str] = set()
    for job in jobs:
        if check_name(job.job_id, "job id") in seen:
            raise PackageError(f"job id {job.job_id!r} is used twice in load {load_id}")
        seen.add(job.job_id)


def entries(path: str) -> Iterator[str]:
    """The names in a directory, sorted; none when it is not there. Raises OSError."""
    try:
        yield from sorted(os.listdir(path))
    except FileNotFoundError:
        return


def remove_file(path: str) -> None:
    """Delete a file; that it is gone already is no error. Raises OSError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


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
