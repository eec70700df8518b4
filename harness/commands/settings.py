"""Settings of ``loadloom verify`` from ``[tool.loadloom]`` in ``pyproject.toml``. The command line wins over them."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..errors import UsageError
from ..search.named import SAMPLED, STRATEGIES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyproject.toml"


class Settings(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """What may be set; the names are those of the command's options.

    Attributes:
        implementation: the loader.
        scenarios: names, files and patterns.
        strategy, preemptions, faults, quick, max_executions, time_budget, within, seed, depth, accept, keep_going,
            jobs: how to search.
        report: folder of the report.
        baseline: file of what is known.
        tokens: folder of failing tokens; empty: keep none.
        github: whether to print annotations and a job summary.

    Paths in the file are seen from the folder that it is in.
    """

    implementation: str = "refimpl"
    scenarios: list[str] = []
    strategy: str | None = None
    preemptions: Annotated[int, Meta(ge=0)] | None = None
    faults: Annotated[int, Meta(ge=0)] | None = None
    quick: bool = False
    max_executions: Annotated[int, Meta(ge=1)] | None = None
    time_budget: Annotated[float, Meta(ge=0)] | None = None
    within: Annotated[float, Meta(ge=0)] | None = None
    seed: int = 0
    depth: Annotated[int, Meta(ge=1)] | None = None
    accept: str | None = None
    keep_going: bool = False
    jobs: Annotated[int, Meta(ge=1)] = 1
    report: str | None = None
    baseline: str | None = None
    tokens: str = ".loadloom"
    github: bool = False

    def with_given(self, **given: Any) -> Settings:
        """The same with what the command line says; None there means nothing was said."""
        return msgspec.structs.replace(self, **{name: value for name, value in given.items() if value is not None})

    def seen_from(self, folder: str) -> Settings:
        """The same with its paths below a folder."""
        if folder == ".":
            return self
        paths = {name: getattr(self, name) for name in ("report", "baseline", "tokens")}
        below = {name: os.path.join(folder, path) for name, path in paths.items() if path}
        scenarios = [os.path.join(folder, each) if _is_file(each) else each for each in self.scenarios]
        return msgspec.structs.replace(self, scenarios=scenarios, **below)


def _is_file(scenario: str) -> bool:
    return scenario.endswith(".py") or "/" in scenario


def settings(here: Path | None = None) -> Settings:
    """The settings of the project that a folder is in; the defaults where it sets nothing.

    Args:
        here: the folder; by default the current one.

    Raises:
        UsageError: the file is no TOML, or a setting is unknown or of the wrong type; the message names it.
    """
    folder = (here or Path.cwd()).resolve()
    file = next((each / FILE for each in (folder, *folder.parents) if (each / FILE).is_file()), None)
    table = {} if file is None else _table(file)
    if file is None or not table:
        return Settings()
    shown = file.name if file.parent == folder else str(file)
    known = [field.encode_name for field in msgspec.structs.fields(Settings)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise UsageError(f"{shown}: [tool.loadloom] has an unknown key {key!r}; {hint}")
    try:
        found = msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        raise UsageError(f"{shown}: [tool.loadloom] {place.rstrip('`')}: {said[:1].lower()}{said[1:]}") from error
    if found.strategy is not None and found.strategy not in STRATEGIES:
        raise UsageError(f"{shown}: [tool.loadloom] strategy: there are {', '.join(STRATEGIES)}")
    if found.accept not in (None, SAMPLED):
        raise UsageError(f"{shown}: [tool.loadloom] accept: there is {SAMPLED}")
    return found.seen_from(os.path.relpath(file.parent, here or "."))


def _table(file: Path) -> dict[str, Any]:
    """``[tool.loadloom]``; empty where there is none."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
    tool = content.get("tool", {})
    table = tool.get("loadloom", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"{file}: tool.loadloom is not a table")
    return table
