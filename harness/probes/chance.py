"""What is left to chance, the same in every run: names of `tempfile` and `uuid`; on request random numbers."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import tempfile
import uuid
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ..errors import UsageError
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


PINS = ("random", "hash")
"""What `harness.explore` can pin: random numbers; the order of sets and of dicts keyed by hash."""
_real_urandom = os.urandom


def pin(patches: Patches, what: Collection[str]) -> None:
    """Add random numbers to ``patches``, or check that the order of hashes is fixed.

    ``random``: the functions of `random`, `os.urandom` and with it `secrets` and `random.SystemRandom` draw from a
    generator for each task, seeded by the task's name: what one task draws does not depend on what others do.

    Raises:
        UsageError: there is no such pin; or hashes, which only the start of a process can fix, are random.
    """
    unknown = sorted(set(what) - set(PINS))
    if unknown:
        raise UsageError(f"pin={unknown[0]!r}: there are {', '.join(map(repr, PINS))}")
    if "hash" in what and sys.flags.hash_randomization and os.environ.get("PYTHONHASHSEED", "random") == "random":
        raise UsageError(
            "pin='hash': the order of sets is fixed when a process starts, and here it was not; start it with "
            "PYTHONHASHSEED=0 (the command loadloom does)"
        )
    if "random" in what:
        shared = random._inst
        for name in sorted(vars(random)):
            real = getattr(random, name)
            if getattr(real, "__self__", None) is shared:
                patches.value(real, _drawing(name, real))
        patches.value(_real_urandom, _bytes)


def _generator() -> random.Random | None:
    """The running task's own; None outside of any task."""
    execution = control.current()
    if execution is None or execution.current is None:
        return None
    generators: dict[str, random.Random] = execution.notes.setdefault("random", {})
    key = execution.current.key
    if key not in generators:
        generators[key] = random.Random(f"loadloom {key}")
    return generators[key]


def _drawing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def draw(*args: Any, **kw: Any) -> Any:
        generator = _generator()
        return (real if generator is None else getattr(generator, name))(*args, **kw)

    return draw


def _bytes(size: int, /) -> bytes:
    generator = _generator()
    return _real_urandom(size) if generator is None else generator.randbytes(size)
