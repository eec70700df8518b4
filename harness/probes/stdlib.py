"""All of the stdlib's thread primitives at once."""

from __future__ import annotations

from . import (
    barriers,
    clock,
    conditions,
    events,
    foreign,
    futures,
    imports,
    locals,
    locks,
    pools,
    queues,
    semaphores,
    signals,
    simple_queues,
    threads,
)
from .patching import Patches


def install(patches: Patches) -> None:
    """Add threads, locks, clock, queues and futures to ``patches``."""
    for module in (
        threads, locals, locks, conditions, semaphores, events, barriers, clock, queues, simple_queues, futures, pools,
        imports, foreign, signals,
    ):  # fmt: skip
        module.install(patches)
    patches.skip |= {"_threading_local", "importlib._bootstrap", "importlib._bootstrap_external"}
