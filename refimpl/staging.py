"""A folder for what is read from the sources, before it is a package: one owner at a time, empty when it is got."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from refimpl.errors import PackageError
from refimpl.extraction import Extraction, extract
from refimpl.sources import Source
from refimpl.storage import remove_tree

Watch = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Given the number of sources, makes what is told how many of them were read."""


class Reading:
    """Reads `sources` when first asked for; what was read lies in the staging folder until `close`."""

    def __init__(
        self,
        sources: Sequence[Source],
        state_dir: str,
        skip_unreadable: bool = False,
        ordered: bool = False,
        watch: Watch = lambda total: nullcontext(lambda count: None),
    ) -> None:
        self._sources = sources
        self._state_dir = state_dir
        self._skip_unreadable = skip_unreadable
        self._ordered = ordered
        self._watch = watch
        self._stack = contextlib.ExitStack()
        self._found: Extraction | None = None

    def extraction(self) -> Extraction:
        """The jobs. Raises what `extract` and `staging` raise."""
        if self._found is None:
            folder = self._stack.enter_context(staging(self._state_dir))
            with self._watch(len(self._sources)) as on_progress:
                self._found = extract(self._sources, folder, self._skip_unreadable, self._ordered, on_progress)
        return self._found

    def close(self) -> None:
        """Remove what is left in the folder, and let go of it."""
        self._stack.close()

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def staging(state_dir: str) -> Iterator[str]:
    """The folder, below `state_dir`; it is gone afterwards, and so is `state_dir` if it was made for it alone.

    What a run that died left in it is removed. Raises PackageError when another process has it; OSError.
    """
    folder = os.path.join(state_dir, "staging")
    made = not os.path.isdir(state_dir)
    lock = _lock(folder)
    try:
        for name in sorted(os.listdir(folder)):
            _remove(os.path.join(folder, name))
        yield folder
    finally:
        remove_tree(folder)
        os.close(lock)
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(state_dir)


def _lock(folder: str) -> int:
    """Lock the folder itself, so that nothing is left over; it may be removed by its last owner meanwhile."""
    while True:
        os.makedirs(folder, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), os.stat(folder)):
                return lock
        except BlockingIOError:
            os.close(lock)
            raise PackageError(f"{folder}: another process reads sources here; wait for it to end") from None
        except FileNotFoundError:
            pass
        os.close(lock)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        remove_tree(path)
    else:
        os.unlink(path)
