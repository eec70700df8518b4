"""The files of a report: ``report.json``, ``report.md`` and ``junit.xml`` in one folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..conformance.record import REPORT
from ..conformance.stored import write_whole
from ..errors import UsageError
from .document import dump
from .junit import junit
from .markdown import markdown
from .verification import Verification

MARKDOWN, JUNIT = "report.md", "junit.xml"


def make_room(folder: Path) -> None:
    """Make sure that a report can be written there, before hours are spent on it.

    Raises:
        UsageError: it cannot; the message says why.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"no report can be written to {folder}: {error.strerror or error}") from error


def make_sure(path: Path) -> None:
    """Make sure that a file can be written there, before hours are spent on its content.

    Raises:
        UsageError: it cannot; the message says why.
    """
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error


def write_report(folder: Path, made: Verification) -> None:
    """Write the three files.

    Raises:
        UsageError: the folder cannot be written.
    """
    make_room(folder)
    write_whole(folder / REPORT, dump(made.record) + "\n")
    write_whole(folder / MARKDOWN, markdown(made.record))
    write_whole(folder / JUNIT, junit(made.record, made.seconds))
