"""Modules made for a test: written, imported, forgotten."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import harness
from harness.probes import Patches, instrument

_numbers = itertools.count()


class Modules:
    """Writes modules into a folder that is on the path for the time of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[str] = []

    def __call__(self, source: str, name: str = "") -> ModuleType:
        name = name or f"made_{next(_numbers)}"
        path = self.folder / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        self.made.append(name)
        return importlib.import_module(name)

    def forget(self) -> None:
        for name in self.made:
            sys.modules.pop(name, None)


@contextlib.contextmanager
def swapped(*targets: Any) -> Iterator[None]:
    """Code swapped, outside of any execution."""
    patches = Patches()
    instrument.install(patches, targets)
    patches.apply()
    try:
        yield
    finally:
        patches.undo()


def inside(target: Any, body: Callable[[], Any]) -> Any:
    """What a body gives as the only task of an execution, with the target instrumented."""
    results = []
    harness.explore(lambda: results.append(body()), instrument=[target], max_executions=1)
    return results[0]


def in_threads(*bodies: Callable[[], Any]) -> None:
    """Run each in a thread of its own, wait for all."""
    import threading

    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
