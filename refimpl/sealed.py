"""Files that know whether they are whole: JSON with its length and checksum.

Three shapes: a file with one value under a header line; a value on one line, for files that grow; a file of many
lines with a trailer, for what is too long to be held twice.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from refimpl.errors import TornError

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def seal(data: object) -> bytes:
    """`data` as JSON under a header with its length in bytes and its CRC-32."""
    body = _encode(data).encode()
    return b"%d %08x\n%s" % (len(body), zlib.crc32(body), body)


def unseal(raw: bytes) -> Any:
    """What was sealed. Raises TornError when `raw` is empty, cut short, damaged or something else altogether."""
    return _open(*raw.partition(b"\n"))


def seal_line(data: object) -> bytes:
    """`data` on one line."""
    body = _encode(data).encode()
    return b"%d %08x %s" % (len(body), zlib.crc32(body), body)


def unseal_line(line: bytes) -> Any:
    """What was sealed on a line. Raises TornError."""
    length, separator, rest = line.partition(b" ")
    crc, separator, body = rest.partition(b" ")
    return _open(length + b" " + crc, separator, body)


def read(path: str) -> Any:
    """Unseal the file at `path`. Raises OSError, or TornError."""
    with open(path, "rb") as file:
        return unseal(file.read())


def seal_lines(values: Iterable[object]) -> Iterator[bytes]:
    """Each value as a line of JSON, and a trailer that says how many there were and their CRC-32."""
    count = crc = 0
    for value in values:
        line = _encode(value).encode() + b"\n"
        count, crc = count + 1, zlib.crc32(line, crc)
        yield line
    yield b"=%d %08x\n" % (count, crc)


def read_lines(path: str) -> Iterator[Any]:
    """The values of a file of lines, in order. Raises OSError; TornError, and that may be after the last value."""
    count = crc = 0
    with open(path, "rb") as file:
        for line in file:
            if line.startswith(b"="):
                if line != b"=%d %08x\n" % (count, crc) or file.read(1):
                    break
                return
            count, crc = count + 1, zlib.crc32(line, crc)
            try:
                value = json.loads(line)
            except ValueError:
                break
            yield value
    raise TornError("empty, cut short or damaged")


def _open(header: bytes, separator: bytes, body: bytes) -> Any:
    try:
        length, crc = header.split(b" ")
        whole = int(length) == len(body) and int(crc, 16) == zlib.crc32(body)
    except ValueError:
        whole = False
    if not whole:
        raise TornError("empty, cut short or damaged")
    return json.loads(body)
