"""All of the stdlib's thread primitives at once."""

from __future__ import annotations

from . import clock, futures, locks, queues, threads
from .patching import Patches


def install(patches: Patches) -> None:
    """Add threads, locks, clock, queues and futures to ``patches``."""
    for module in (threads, locks, clock, queues, futures):
        module.install(patches)
    patches.skip |= {"_threading_local", "importlib._bootstrap", "importlib._bootstrap_external"}
