"""Compressed files, unpacked into plain ones in bounded memory, and only if they are whole.

DuckDB could read them itself, but takes a gzip file whose checksum is wrong, and a zstd file that was cut short between
two blocks, for the whole of it.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from refimpl.errors import SourceError

_CHUNK = 1 << 17
_LARGEST = 1 << 22  # bytes unpacked at once: a file of a few bytes may unpack to gigabytes


def decompress(path: str, compression: str, target: str) -> None:
    """Unpack the file at `path` into `target`. `compression`: "gzip" or "zstd".

    Raises SourceError when it is cut short, damaged or no such file; OSError.
    """
    parts = _gzip_parts if compression == "gzip" else _zstd_parts
    size = 0
    with open(path, "rb") as file, open(target, "wb") as out:
        try:
            for part in parts(file):
                out.write(part)
                size += len(part)
        except EOFError:
            raise SourceError(f"cut short: the {compression} file breaks off after {size} bytes of data") from None
        except _damage() as error:
            raise SourceError(f"damaged {compression} file, after {size} bytes of data: {error}") from error


def _gzip_parts(file: IO[bytes]) -> Iterator[bytes]:
    """The content, member after member; what follows the last one must be zeros, as on a tape."""
    data = file.read(_CHUNK)
    first = True
    while data:
        if not first and not (data := data.lstrip(b"\0")):
            data = file.read(_CHUNK)
            continue
        member = zlib.decompressobj(wbits=31)  # 31: with gzip's header and checksum
        while not member.eof:
            yield member.decompress(data, _LARGEST)
            data = member.unconsumed_tail or (b"" if member.eof else file.read(_CHUNK))
            if not data and not member.eof:
                raise EOFError
        data = member.unused_data or file.read(_CHUNK)
        first = False
    if first:
        raise EOFError


def _zstd_parts(file: IO[bytes]) -> Iterator[bytes]:
    """The content, frame after frame."""
    new_frame = _zstd()[0]
    data = file.read(_CHUNK)
    if not data:
        raise EOFError
    while data:
        frame = new_frame()
        yield frame.decompress(data)
        while not frame.eof:
            if not (data := file.read(_CHUNK >> 3)):
                raise EOFError
            yield frame.decompress(data)
        data = frame.unused_data or file.read(_CHUNK)


def _zstd() -> tuple[Callable[[], Any], type[Exception]]:
    """What makes a decompressor of one frame, and the error that it raises."""
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.ZstdDecompressor, zstd.ZstdError
    import zstandard

    return lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError


def _damage() -> tuple[type[Exception], ...]:
    return zlib.error, _zstd()[1]
