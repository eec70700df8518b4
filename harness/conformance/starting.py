"""First versions of a scenario and of an adapter, for their authors to change."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from ..errors import UsageError
from . import discovery
from .stored import write_whole


def new_scenario(name: str, folder: Path) -> Path:
    """Write a scenario that works and says in comments what each part is; its path.

    Raises:
        UsageError: the name is none, is taken, or the file is there already.
    """
    words = _words(name)
    dashed = "-".join(words)
    if dashed in discovery.scenarios():
        raise UsageError(f"{dashed} is the name of a scenario already; its tokens would mean that one")
    path = folder / f"{'_'.join(words)}.py"
    text = Template(_template("scenario")).substitute(name="_".join(words), path=path, source="why you wrote it")
    return _write(path, text)


def _words(name: str) -> list[str]:
    """The parts of a name: ``two-tries`` or ``two_tries``."""
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", name):
        raise UsageError(f"{name!r} is no name: say it in small letters, digits and dashes, as in two-tries")
    return re.split("[-_]", name)


def _template(kind: str) -> str:
    return (files(__package__) / "templates" / f"{kind}.py.txt").read_text(encoding="utf-8")


def _write(path: Path, text: str) -> Path:
    if path.exists():
        raise UsageError(f"{path} is there already; nothing was written")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent} cannot be made: {error.strerror or error}") from error
    write_whole(path, text)
    return path
