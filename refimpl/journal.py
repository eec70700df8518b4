"""The journal: the markers of a package once more, in one file, so that many workers share a sync.

Only with `power`, and only where the destination keeps no ledger. A marker of its own would cost each job two syncs;
here whoever comes first syncs what all have written by then, and the others find it done.

    \\n<length> <crc> {"job": ...}       each record sealed by itself, on a line of its own

A record begins with the line's end of the one before it, so that one torn by a crash spoils nothing that comes later.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from refimpl import sealed
from refimpl.disk import flush, write_all
from refimpl.errors import TornError


class Journal:
    """A journal open for writing, by many threads. Raises OSError when it cannot be opened or made."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        # Records in the order of the file: written so far, and durable so far. The first is changed under `_writing`,
        # the second under `_syncing`.
        self._written = 0
        self._synced = 0
        self._broken: OSError | None = None

    def add(self, data: object) -> None:
        """Append a record; return once it is durable. Raises OSError, for ever after a sync that failed."""
        with self._writing:
            write_all(self._fd, b"\n" + sealed.seal_line(data))
            self._written += 1
            mine = self._written
        with self._syncing:
            if self._broken is not None:
                # The kernel has dropped the pages and calls them clean: another sync would succeed and mean nothing.
                raise OSError(self._broken.errno, f"the journal could not be synced before: {self._broken.strerror}")
            if self._synced >= mine:
                return
            reached = self._written
            try:
                flush(self._fd, grown=True)
            except OSError as error:
                self._broken = error
                raise
            self._synced = reached

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def read(path: str) -> tuple[list[Any], int]:
    """The whole records of a journal, and the number of torn ones; none when there is no journal. Raises OSError."""
    records: list[Any] = []
    torn = 0
    try:
        with open(path, "rb") as file:
            for line in file:
                if line == b"\n":
                    continue
                try:
                    records.append(sealed.unseal_line(line.rstrip(b"\n")))
                except TornError:
                    torn += 1
    except FileNotFoundError:
        pass
    return records, torn
