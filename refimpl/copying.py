"""Copying and hashing files in bounded memory."""

from __future__ import annotations

import hashlib
import os

from refimpl.disk import flush

_CHUNK = 1 << 20


def copy_into(target: str, source: str | None, content: bytes | None, sync: bool = False) -> tuple[int, str]:
    """Write `content`, or a copy of the file `source`, to `target`, durably with `sync`; its size and its sha256.

    A copy and not a hard link: a link shares the file with its owner, who may write into it under our checksum.
    Raises OSError.
    """
    digest = hashlib.sha256()
    size = 0
    with open(target, "wb") as out:
        if source is None:
            out.write(content or b"")
            digest.update(content or b"")
            size = len(content or b"")
        else:
            with open(source, "rb") as file:
                while chunk := file.read(_CHUNK):
                    out.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
        if sync:
            out.flush()
            flush(out.fileno())
    return size, digest.hexdigest()


def move_into(target: str, source: str, sync: bool = False) -> tuple[int, str]:
    """Rename the file `source` to `target`, on one file system, its content durable with `sync`; size and sha256.

    Raises OSError.
    """
    if sync:
        fd = os.open(source, os.O_RDONLY)
        try:
            flush(fd)
        finally:
            os.close(fd)
    os.rename(source, target)
    return os.path.getsize(target), sha256_of(target)


def sha256_of(path: str) -> str:
    """The sha256 of a file, hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
