"""Files that know whether they are whole: one header line with length and checksum, then JSON."""

from __future__ import annotations

import json
import os
import zlib
from typing import Any

from refimpl.errors import TornError


def seal(data: object) -> bytes:
    """`data` as JSON under a header with its length in bytes and its CRC-32."""
    body = json.dumps(data, separators=(",", ":"), sort_keys=True).encode()
    return b"%d %08x\n%s" % (len(body), zlib.crc32(body), body)


def unseal(raw: bytes) -> Any:
    """What was sealed. Raises TornError when `raw` is empty, cut short, damaged or something else altogether."""
    header, _, body = raw.partition(b"\n")
    try:
        length, crc = header.split(b" ")
        whole = int(length) == len(body) and int(crc, 16) == zlib.crc32(body)
    except ValueError:
        whole = False
    if not whole:
        raise TornError("empty, cut short or damaged")
    return json.loads(body)


def write(path: str, data: object) -> None:
    """Seal `data` into `path`, replacing what is there in one step. Raises OSError."""
    # The temporary name is a function of the target: a crash leaves at most one, and the next write takes it over.
    temporary = path + ".tmp"
    with open(temporary, "wb") as file:
        file.write(seal(data))
    os.replace(temporary, path)


def read(path: str) -> Any:
    """Unseal the file at `path`. Raises OSError, or TornError."""
    with open(path, "rb") as file:
        return unseal(file.read())
