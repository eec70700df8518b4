"""Files of ours: read typed, or refused in one line that says what is wrong; written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from ..errors import UsageError

T = TypeVar("T")


class _Head(msgspec.Struct):
    format: int


def read(path: Path, kind: type[T], what: str, version: int) -> T:
    """The content of a file.

    Args:
        path: where it is.
        kind: of what type.
        what: its name for people: ``a baseline``.
        version: the format that this loadloom reads.

    Raises:
        UsageError: it is not there, not of this kind, or of another format.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        found = msgspec.json.decode(content, type=_Head).format
        if found != version:
            raise UsageError(f"{path}: format {found} is not known; this loadloom reads {what} of format {version}")
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not {what}: {error}") from error


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; a reader never finds half of it.

    Raises:
        UsageError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
