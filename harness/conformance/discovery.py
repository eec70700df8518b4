"""Scenarios and adapters that installed packages bring along, by entry points.

``loadloom.scenarios``: the value names a package, whose modules are scenario files, or a module that is one. The
entry point's name goes before theirs: ``acme.burst``. ``loadloom.adapters``: the value is an adapter, as in
``package.module:Adapter``; the entry point's name is the implementation's.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ..errors import UsageError
from . import scenario as own
from .scenario import Scenario

SCENARIOS, ADAPTERS = "loadloom.scenarios", "loadloom.adapters"


def adapters() -> dict[str, EntryPoint]:
    """Adapters of installed packages by name, sorted.

    Raises:
        UsageError: two packages bring one of the same name.
    """
    return _by_name(ADAPTERS)


def scenarios() -> dict[str, Path]:
    """Scenario files by name: ours, sorted, then those of installed packages, sorted.

    Raises:
        UsageError: two packages bring scenarios under one name, or an entry point leads nowhere.
    """
    found = dict(own.available())
    for name, entry in _by_name(SCENARIOS).items():
        found.update((f"{name}.{each}", path) for each, path in _files(entry).items())
    return found


def select(names: Sequence[str]) -> list[Scenario]:
    """The scenarios of these names, files and patterns (``acme.*``), each once; all of ours for none.

    Raises:
        UsageError: one of them means nothing.
    """
    chosen: list[str] = []
    for name in names or own.available():
        if any(mark in name for mark in "*?["):
            meant = [each for each in scenarios() if fnmatchcase(each, name)]
            if not meant:
                raise UsageError(f"no scenario is like {name!r}; there are {', '.join(scenarios())}")
            chosen += meant
        else:
            chosen.append(name)
    found = [each for name in chosen for each in own.find_all(name)]
    return list({each.name: each for each in found}.values())


@functools.cache
def _by_name(group: str) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda each: (each.name, each.value)):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise UsageError(
                f"two installed packages bring {group.partition('.')[2]} of the name {entry.name!r}: "
                f"{other.value} and {entry.value}; uninstall one"
            )
    return found


def _files(entry: EntryPoint) -> dict[str, Path]:
    """The scenario files that an entry point means; nothing of them is run yet."""
    try:
        spec = importlib.util.find_spec(entry.value)
    except (ImportError, ValueError) as error:
        raise UsageError(f"scenarios {entry.name!r}: {entry.value} cannot be found: {error}") from error
    if spec is None:
        raise UsageError(f"scenarios {entry.name!r}: there is no module {entry.value!r}")
    folders = spec.submodule_search_locations
    if folders is None:
        return {Path(str(spec.origin)).stem.replace("_", "-"): Path(str(spec.origin))}
    return own.files_in(*map(Path, folders))
