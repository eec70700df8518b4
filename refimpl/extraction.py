"""From sources to jobs: their rows, in Parquet files of a bounded size, in one folder.

Small files of one table are read together, up to a thousand by one query, and make one job; the rows of a large one are
split into several. Where a query fails its files are halved until the one to blame is alone.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import duckdb

from refimpl.decompression import decompress
from refimpl.diagnosis import explain
from refimpl.errors import SourceError
from refimpl.inspection import Extract, Extractor, Input, Pack
from refimpl.layout import Layout, layout_of
from refimpl.package import NewJob
from refimpl.sources import Source

_MOST_FILES = 1000
_MOST_BYTES = 1 << 25
_MOST_REFUSALS = 100  # more would be no help: something is wrong with all of them


@dataclass
class Extraction:
    """The jobs for the sources that are tables, and why the others are not."""

    jobs: list[NewJob] = field(default_factory=list)
    refused: list[SourceError] = field(default_factory=list)


def extract(
    sources: Sequence[Source],
    folder: str,
    skip_unreadable: bool = False,
    ordered: bool = False,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Extraction:
    """Read `sources`, sorted by table, into Parquet files below the empty directory `folder`, each for a job.

    Args: `skip_unreadable` passes over sources that are no tables; `ordered` keeps the rows of all jobs in the order
    of the files; `on_progress` is told how many were read.
    Raises SourceError, a line for each source that is no table, when they are not to be skipped or nothing is left.
    """
    work = _Work(Extractor(folder, ordered), folder, skip_unreadable, ordered, on_progress)
    try:
        for pack in _packs(sources, work):
            work.take(pack)
    finally:
        work.extractor.close()
    done = work.done
    if done.refused and (not done.jobs or not skip_unreadable):
        raise SourceError(_refusal(done))
    return done


def _refusal(done: Extraction) -> str:
    lines = [str(error) for error in done.refused]
    if len(lines) >= _MOST_REFUSALS:
        lines.append(f"the first {len(lines)} files that are no tables; there may be more")
    elif done.jobs:
        lines.append("nothing was loaded; --skip-unreadable loads the rest")
    return "\n".join(lines)


class _Work:
    """What was done so far."""

    def __init__(
        self,
        extractor: Extractor,
        folder: str,
        skip_unreadable: bool,
        ordered: bool,
        on_progress: Callable[[int], None],
    ) -> None:
        self.extractor = extractor
        self.ordered = ordered
        self.folder = folder
        self.skip_unreadable = skip_unreadable
        self.on_progress = on_progress
        self.done = Extraction()
        self.read = 0
        self._targets = 0

    def name(self) -> str:
        """A name in the folder that was not used before."""
        self._targets += 1
        return os.path.join(self.folder, f"{self._targets:06d}")

    def take(self, pack: Pack) -> None:
        """Make jobs of a pack, or refuse the files to blame."""
        try:
            found = _guarded(pack, lambda: self._extract(pack))
        except SourceError as error:
            if len(pack.files) == 1:
                self.refuse(error)
            else:
                half = len(pack.files) // 2
                self.take(Pack(pack.table, pack.layout, pack.files[:half]))
                self.take(Pack(pack.table, pack.layout, pack.files[half:]))
            return
        self.done.jobs += self._jobs(pack, found)
        self.read += len(pack.files)
        self.on_progress(self.read)

    def _extract(self, pack: Pack) -> Extract:
        found = self.extractor.extract(pack, self.name())
        for file in pack.files:
            file.source.check_unchanged()
        return found

    def refuse(self, error: SourceError) -> None:
        """Note that a source is no table. Raises SourceError when there are too many of them."""
        self.done.refused.append(error)
        self.read += 1
        self.on_progress(self.read)
        if not self.skip_unreadable and len(self.done.refused) >= _MOST_REFUSALS:
            raise SourceError(_refusal(self.done))

    def _jobs(self, pack: Pack, found: Extract) -> Iterator[NewJob]:
        origin = pack.files[0].source.path
        if len(pack.files) > 1:
            origin = f"{origin} and {len(pack.files) - 1} more up to {pack.files[-1].source.path}"
        stem = re.sub(r"[^A-Za-z0-9_]", "_", pack.table)
        number = len(self.done.jobs)
        for count, path in enumerate(found.files):
            job_id = f"{stem}.{number + count:06d}"
            yield NewJob(job_id, pack.table, "parquet", path, None, found.columns, origin=origin, take=True)
        if not found.files:
            yield NewJob(f"{stem}.{number:06d}", pack.table, origin=origin)


def _packs(sources: Sequence[Source], work: _Work) -> Iterator[Pack]:
    """Sources of one table and layout together, in their order, few and small enough for one query."""
    pending: dict[Layout, list[Input]] = {}
    sizes: dict[Layout, int] = {}
    table = ""
    for source in sources:
        if source.table != table:
            yield from _flush(pending, sizes, table)
            table = source.table
        try:
            found, layout = _open(source, work)
        except SourceError as error:
            work.refuse(error)
            continue
        if work.ordered and layout not in pending:
            yield from _flush(pending, sizes, table)
        files = pending.setdefault(layout, [])
        files.append(found)
        sizes[layout] = sizes.get(layout, 0) + os.path.getsize(found.path)
        if len(files) >= _MOST_FILES or sizes[layout] >= _MOST_BYTES:
            yield from _flush({layout: pending.pop(layout)}, {layout: sizes.pop(layout)}, table)
    yield from _flush(pending, sizes, table)


def _flush(pending: dict[Layout, list[Input]], sizes: dict[Layout, int], table: str) -> Iterator[Pack]:
    for layout, files in pending.items():
        yield Pack(table, layout, tuple(files))
        for file in files:
            if file.path != file.source.path:
                os.unlink(file.path)
    pending.clear()
    sizes.clear()


def _open(source: Source, work: _Work) -> tuple[Input, Layout]:
    """The source as a plain file, and its layout. Raises SourceError."""
    path = source.path
    try:
        if source.compression:
            path = work.name() + ".plain"
            decompress(source.path, source.compression, path)
        return Input(source, path), layout_of(path, source.format, tabs=source.tabs)
    except (OSError, UnicodeDecodeError, csv.Error, SourceError) as error:
        raise _source_error(error, source, source.format, path) from error


def _guarded(pack: Pack, action: Callable[[], Extract]) -> Extract:
    try:
        return action()
    except (duckdb.Error, OSError, UnicodeDecodeError, SourceError) as error:
        first = pack.files[0]
        if len(pack.files) > 1:
            raise SourceError(f"{first.source.path} or another") from error  # the caller halves the pack
        raise _source_error(error, first.source, pack.layout.format, first.path) from error


def _source_error(error: Exception, source: Source, fmt: str, path: str) -> SourceError:
    if isinstance(error, SourceError):
        return SourceError(f"{source.path}: {error}")
    if isinstance(error, OSError):
        return SourceError(f"{source.path}: cannot be read: {error.strerror or error}")
    return SourceError(f"{source.path}: {explain(error, fmt, path)}")
