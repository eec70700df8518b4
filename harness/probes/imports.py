"""Imports in the middle of an execution: part of the step that asked for them.

No task may stop inside one, where it would hold the import lock and leave a half-made module to the others; and what a
module makes or binds when it is imported must be the real thing, for the module stays when the exploration is over.
"""

from __future__ import annotations

import importlib._bootstrap as bootstrap
from typing import Any

from ..runtime import control
from ..runtime.control import quiet
from .patching import Patches


def _watch(patches: Patches) -> None:
    real = bootstrap._find_and_load  # type: ignore[attr-defined]

    def find_and_load(*args: Any) -> Any:
        execution = control.current()
        if execution is None:
            return real(*args)
        with quiet(execution), patches.importing():
            return real(*args)

    patches.set(bootstrap, "_find_and_load", find_and_load)


def install(patches: Patches) -> None:
    """Add imports to ``patches``."""
    patches.on_apply(_watch)
