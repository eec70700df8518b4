"""The load package of dlt on disk: laid down as `normalize` leaves it, and read without making a step."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR
from typing import Literal

from .pins import FOLDERS, module, pinned

LOAD_ID = "1.0"
"""Load id of the package: dlt sorts packages by it and takes it for the time of creation."""
TABLE = "items"
"""The one table that all jobs load; the file id of a job is its name."""
FORMAT = "jsonl"
MARKERS = ".pending_transitions"
TERMINAL = ("completed", "failed")

# bound before anybody patches them: laying the package down and reading the disk to judge it are no steps of the loader
_listdir, _open, _read, _write, _close, _mkdir, _stat = (
    os.listdir, os.open, os.read, os.write, os.close, os.mkdir, os.stat,
)  # fmt: skip

JobName = str


def file_name(job: JobName, attempt: int = 0) -> str:
    """File name of a job at its `attempt`-th retry; `job_id` is the same without the attempt."""
    return f"{TABLE}.{job}.{attempt}.{FORMAT}"


def job_id(job: JobName) -> str:
    """The id that dlt gives to a job, the same over its retries."""
    return f"{TABLE}.{job}.{FORMAT}"


def parse_file_name(name: str) -> tuple[JobName, int]:
    """Job name and attempt of a job file."""
    _table, job, attempt, *_ = name.split(".")
    return job, int(attempt)


@functools.lru_cache(maxsize=64)
def _template(jobs: tuple[JobName, ...], load_id: str) -> tuple[tuple[str, ...], tuple[tuple[str, bytes], ...]]:
    """Folders and files of a normalized package, laid down once by dlt's own storage."""
    storages = module("dlt.common.storages")
    config = module("dlt.common.storages.configuration").LoadStorageConfiguration()
    with pinned(), tempfile.TemporaryDirectory() as scratch:
        config.load_volume_path = scratch
        storage = storages.LoadStorage(True, [FORMAT], config=config.resolve())
        schema = module("dlt.common.schema").Schema("loadloom")
        utils = module("dlt.common.schema.utils")
        table = utils.new_table(TABLE, write_disposition="append", columns=[{"name": "job", "data_type": "text"}])
        table["x-normalizer"] = {"seen-data": True}
        schema.update_table(table)
        schema._bump_version()
        new = storage.new_packages
        new.create_package(load_id, schema=schema)
        new.save_schema_updates(load_id, {TABLE: schema.get_table(TABLE)})
        for job in jobs:
            path = new.get_job_file_path(load_id, "new_jobs", file_name(job))
            new.storage.save(path, json.dumps({"job": job}) + "\n")
        storage.commit_new_load_package(load_id)
        folders, files = [], []
        for where, subfolders, names in os.walk(scratch):
            relative = os.path.relpath(where, scratch)
            folders += [os.path.normpath(os.path.join(relative, name)) for name in subfolders]
            files += [os.path.normpath(os.path.join(relative, name)) for name in names]
        contents = tuple((name, Path(scratch, name).read_bytes()) for name in sorted(files))
    return tuple(sorted(folders)), contents


def prepare_package(jobs: Sequence[JobName], load_id: str = LOAD_ID) -> None:
    """Has dlt make the package once, so that `create_package` only copies it."""
    _template(tuple(jobs), load_id)


def create_package(
    root: str | os.PathLike[str],
    jobs: Sequence[JobName],
    *,
    load_id: str = LOAD_ID,
    schema_update: bool = True,
) -> str:
    """Lays a normalized package with one file a job below `root` and returns its load id.

    With `schema_update=False` the update of the destination's schema counts as done, which saves its steps.
    """
    base = os.fspath(root)
    folders, files = _template(tuple(jobs), load_id)
    for folder in ("", *folders):
        try:
            _mkdir(os.path.join(base, folder))
        except FileExistsError:
            if load_id in folder:
                raise
    for name, content in files:
        if not schema_update and name.endswith("schema_updates.json"):
            continue
        descriptor = _open(os.path.join(base, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _write(descriptor, content)
        finally:
            _close(descriptor)
    return load_id


def _exists(path: str) -> bool:
    try:
        _stat(path)
    except OSError:
        return False
    return True


def _isdir(path: str) -> bool:
    try:
        return S_ISDIR(_stat(path).st_mode)
    except OSError:
        return False


def _list(path: str) -> list[str]:
    try:
        return sorted(_listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _content(path: str) -> bytes | None:
    try:
        descriptor = _open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        parts = []
        while part := _read(descriptor, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    finally:
        _close(descriptor)


@dataclass(frozen=True)
class Package:
    """What the disk says about a package; every method reads, none writes."""

    root: str
    load_id: str = LOAD_ID

    @property
    def normalized(self) -> str:
        """Where the package is while it loads."""
        return os.path.join(self.root, "normalized", self.load_id)

    @property
    def loaded(self) -> str:
        """Where the package is once the loader finished it."""
        return os.path.join(self.root, "loaded", self.load_id)

    def location(self) -> Literal["normalized", "loaded", "both"] | None:
        """Which of its two places the package is in; `both` is what a late write makes of it."""
        here, there = _isdir(self.normalized), _isdir(self.loaded)
        return "both" if here and there else "normalized" if here else "loaded" if there else None

    def marker_path(self, job: JobName, attempt: int = 0) -> str:
        """Where the marker of a job goes while the package loads."""
        return os.path.join(self.normalized, MARKERS, file_name(job, attempt))

    def marker(self, job: JobName, attempt: int | None = None) -> str | None:
        """The state that a valid marker of a job records; None if there is none or it is damaged."""
        folder = os.path.join(self.normalized, MARKERS)
        if attempt is None:
            names = [name for name in _list(folder) if name.startswith(f"{TABLE}.{job}.")]
        else:
            names = [file_name(job, attempt)]
        for name in names:
            try:
                record = json.loads(_content(os.path.join(folder, name)) or b"")
                state, _message = record["state"], record["failed_message"]  # dlt insists on both
            except (ValueError, KeyError, TypeError):
                continue
            if state in TERMINAL:
                return str(state)
        return None

    def markers(self) -> dict[str, list[str]]:
        """Names of all marker files, orphans included, by place."""
        places = {"normalized": self.normalized, "loaded": self.loaded}
        return {place: _list(os.path.join(path, MARKERS)) for place, path in places.items()}

    def folders_of(self, job: JobName) -> list[tuple[str, int]]:
        """The folders that hold a file of the job, with its attempt. One entry, unless something went wrong."""
        prefix = f"{TABLE}.{job}."
        found = []
        for place in (self.normalized, self.loaded):
            for folder in FOLDERS:
                for name in _list(os.path.join(place, folder)):
                    if name.startswith(prefix) and name.endswith("." + FORMAT):
                        found.append((folder, parse_file_name(name)[1]))
        return found

    def taken_over(self, job: JobName, attempt: int | None = None) -> str | None:
        """The terminal state in which the loader put the job's file away, if it did; cheap if `attempt` is given."""
        if attempt is None:
            folders = [folder for folder, _attempt in self.folders_of(job)]
        else:
            paths = [(place, folder) for place in (self.normalized, self.loaded) for folder in FOLDERS[2:]]
            name = file_name(job, attempt)
            folders = [folder for place, folder in paths if _exists(os.path.join(place, folder, name))]
        for folder in folders:
            if folder in FOLDERS[2:]:
                return folder.removesuffix("_jobs")
        return None

    def consumed(self, job: JobName, attempt: int = 0) -> bool:
        """Whether the loader acted on the outcome of this attempt: its file has left `started_jobs`.

        In 1.31 `raise_on_failed_jobs` sends a terminally failed job back to `new_jobs`, and leaves no evidence.
        """
        waiting = ("started_jobs", "new_jobs")
        return not any(_exists(os.path.join(self.normalized, folder, file_name(job, attempt))) for folder in waiting)

    def evidence(self, job: JobName, attempt: int | None = None) -> str | None:
        """What a restart would take for the outcome of a job: its file put away, or a valid marker."""
        return self.taken_over(job, attempt) or self.marker(job, attempt)

    def jobs(self) -> dict[JobName, str]:
        """Every job on disk and the folder it is in."""
        found = {}
        for place in (self.normalized, self.loaded):
            for folder in FOLDERS:
                for name in _list(os.path.join(place, folder)):
                    if name.endswith("." + FORMAT):
                        found[parse_file_name(name)[0]] = folder
        return found

    def status(self) -> str | None:
        """The word in `package_completed.json`: `loaded`, `aborted`, or None."""
        for place in (self.loaded, self.normalized):
            content = _content(os.path.join(place, "package_completed.json"))
            if content is not None:
                return content.decode(errors="replace")
        return None

    def leftovers(self) -> list[str]:
        """Temporary files of interrupted writes: dlt makes them beside the packages, with a name of hex digits."""
        found = []
        for folder in ("", "normalized", "loaded"):
            path = os.path.join(self.root, folder)
            known = ("new", "normalized", "loaded", ".version")
            found += [
                os.path.join(folder, n) for n in _list(path) if n not in known and not _isdir(os.path.join(path, n))
            ]
        return found


def normalise(content: bytes, root: str | os.PathLike[str]) -> bytes:
    """Content of a file with the root taken out: dlt writes full paths into `load_package_state.json`."""
    return content.replace(os.path.realpath(root).encode(), b"<root>").replace(os.fspath(root).encode(), b"<root>")
