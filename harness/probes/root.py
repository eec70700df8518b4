"""The directory of a program that writes files: its paths are steps, and each execution finds it empty."""

from __future__ import annotations

import os
import shutil

from ..errors import UsageError
from ..runtime.execution import Execution
from ..trace import Operation
from .anywhere import Anywhere
from .paths import Breaker


class Root:
    """A sandbox that belongs to the user.

    Args:
        path: an existing directory without anything in it.
        breaker: what may make its operations fail.

    Raises:
        UsageError: it is none, or has something in it: it would be lost.
    """

    def __init__(self, path: str | os.PathLike[str], breaker: Breaker | None = None) -> None:
        place = os.fspath(path)
        if not os.path.isdir(place):
            raise UsageError(f"root={place!r}: no such directory; make it first")
        if os.listdir(place):
            raise UsageError(f"root={place!r}: not empty; each execution empties it, so give it one of its own")
        self.box = Anywhere(place)
        self.box.breaker = breaker

    def empty(self) -> None:
        """Remove all that an execution left."""
        for name in sorted(os.listdir(self.box.root)):
            path = os.path.join(self.box.root, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)
        self.box.begin()


def below_root(_: Execution, operation: Operation) -> bool:
    """Whether an operation is on a path below the root: other paths are absolute, and do not break."""
    return not operation.resource.partition(" ")[2].startswith("/")
