"""Names made by chance, the same in every run: `tempfile`'s and `uuid`'s."""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from ..runtime import control
from .patching import Patches

_real_uuid4, _real_uuid1 = uuid.uuid4, uuid.uuid1
_real_names = tempfile._get_candidate_names  # type: ignore[attr-defined]


class Chance:
    """Where names come from.

    Attributes:
        generation: of the process that the execution stands for: a restart does not make the names of its forerunner.
    """

    def __init__(self) -> None:
        self.generation = 0

    def next(self, kind: str) -> str | None:
        """Thirty-two hexadecimal digits: the next of its kind for the running task; None outside of any task."""
        execution = control.current()
        if execution is None or execution.current is None:
            return None
        task = execution.current
        seed = f"{self.generation} {task.key} {kind} {task.count(kind)}"
        return hashlib.blake2b(seed.encode(), digest_size=16).hexdigest()

    def names(self) -> Iterator[str]:
        """What `tempfile` draws from."""
        others = _real_names()
        while True:
            drawn = self.next("temporary name")
            yield next(others) if drawn is None else drawn[:8]


def install(patches: Patches, chance: Chance) -> None:
    """Add `tempfile` names and `uuid`s to ``patches``."""

    def drawing(real: Callable[..., uuid.UUID]) -> Callable[..., uuid.UUID]:
        def draw(*args: Any) -> uuid.UUID:
            drawn = chance.next("uuid")
            return real(*args) if drawn is None else uuid.UUID(hex=drawn, version=4)

        return draw

    names = chance.names()
    patches.on_apply(lambda applied: applied.set(tempfile, "_get_candidate_names", lambda: names))
    patches.value(_real_uuid4, drawing(_real_uuid4))
    patches.value(_real_uuid1, drawing(_real_uuid1))
