"""Programs that write files, right and wrong ones, with what recovers after a crash."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import harness

Program = Callable[[], object]


def sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: str, text: str, sync: bool = True, sync_folder: bool = True) -> None:
    """Replace a file's content as a whole."""
    temporary = path + ".tmp"
    with open(temporary, "w") as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, path)
    if sync_folder:
        sync_directory(os.path.dirname(path))


def atomic_write(root: Path, **how: bool) -> tuple[Program, Program]:
    """A configuration file is replaced, then the change is acknowledged. Old or new, and new once acknowledged."""
    path = str(root / "config")
    root.joinpath("config").write_text("old")

    def program() -> None:
        replace_file(path, "new", **how)
        harness.mark("acknowledged")

    def recover() -> None:
        content = Path(path).read_text()
        assert content in ("old", "new"), f"neither old nor new: {content!r}"
        if "acknowledged" in harness.marks():
            assert content == "new", f"acknowledged, and yet {content!r}"

    return program, recover


class Log:
    """A write-ahead log over a file of values: records are appended, then applied, then the log is emptied.

    Args:
        root: its directory.
        synced_before_applied: whether a record is on disk before it is applied. Without it: the planted bug.
    """

    def __init__(self, root: Path, synced_before_applied: bool = True) -> None:
        self.log, self.table = str(root / "log"), str(root / "table")
        self.synced_before_applied = synced_before_applied

    def put(self, values: dict[str, int]) -> None:
        """Change several values, all of them or none."""
        record = json.dumps(values).encode()
        line = b"%08x %s\n" % (zlib.crc32(record), record)
        fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, line)
        if self.synced_before_applied:
            os.fsync(fd)
            sync_directory(os.path.dirname(self.log))
        self._apply(values)
        os.ftruncate(fd, 0)
        os.fsync(fd)
        os.close(fd)

    def _apply(self, values: dict[str, int]) -> None:
        """In place, one value after another: a crash in between leaves it half done."""
        fd = os.open(self.table, os.O_WRONLY)
        for key, value in values.items():
            os.pwrite(fd, b"%d" % value, "ab".index(key))
        os.fsync(fd)
        os.close(fd)

    def recover(self) -> None:
        """Do again what the log says."""
        if os.path.exists(self.log):
            for line in Path(self.log).read_bytes().splitlines():
                checksum, _, record = line.partition(b" ")
                if checksum == b"%08x" % zlib.crc32(record):
                    self._apply(json.loads(record))
        values = Path(self.table).read_bytes()
        assert values in (b"11", b"22"), f"half of a change: {values!r}"


def write_ahead_log(root: Path, **how: bool) -> tuple[Program, Program]:
    """Two values that must always be equal."""
    root.joinpath("table").write_text("11")
    log = Log(root, **how)
    return lambda: log.put({"a": 2, "b": 2}), log.recover
