"""gzip and zstd: whole files arrive, and what is cut short or damaged is refused, however well its beginning reads."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
import zstandard

from refimpl.errors import SourceError
from refimpl.extraction import Extraction, extract
from refimpl.sources import find_sources, table_name

NOISE = random.Random(1)
LINES = b"".join(b'{"a": %d, "b": "%x"}\n' % (number, NOISE.getrandbits(64)) for number in range(20_000))
CSV = b"a,b\n" + b"".join(b"%d,x%d\n" % (number, number) for number in range(20_000))


def zstd(data: bytes, *, checksum: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=False).compress(data)


PACKED = {"gz": gzip.compress, "zst": zstd}


def read(tmp_path: Path, name: str, content: bytes) -> Extraction:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "work").mkdir()
    return extract(find_sources([str(tmp_path / name)]), str(tmp_path / "work"))


def rows(found: Extraction) -> int:
    import duckdb

    files = [job.source for job in found.jobs]
    return int(duckdb.connect().execute("SELECT count(*) FROM read_parquet(?)", [files]).fetchall()[0][0])


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "T.CSV"])
def test_rows_of_a_compressed_file_arrive(tmp_path: Path, name: str, ending: str) -> None:
    content = LINES if name.endswith("jsonl") else CSV
    assert rows(read(tmp_path, f"{name}.{ending}", PACKED[ending](content))) == 20_000


@pytest.mark.parametrize("ending", PACKED)
def test_parts_behind_each_other_are_one_file(tmp_path: Path, ending: str) -> None:
    middle = LINES.index(b"\n", len(LINES) // 2) + 1
    parts = PACKED[ending](LINES[:middle]) + PACKED[ending](LINES[middle:])
    assert rows(read(tmp_path, f"t.jsonl.{ending}", parts)) == 20_000


def test_zeros_behind_a_gzip_file_are_padding(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "t.jsonl.gz", gzip.compress(LINES) + b"\0" * 512)) == 20_000


def cut_at_a_line(data: bytes) -> bytes:
    """A zstd file of many blocks, cut short between two of them, just after a line: what is there reads well."""
    out = b""
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    for start in range(0, 10):
        out += compressor.compress(data.splitlines(True)[start]) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return out


GZ, ZST = gzip.compress(LINES), zstd(LINES)
BROKEN = {
    "half.jsonl.gz": (GZ[: len(GZ) // 2], "cut short"),
    "no-end.jsonl.gz": (GZ[:-4], "cut short"),
    "checksum.jsonl.gz": (GZ[:-8] + b"\0\0\0\0" + GZ[-4:], "damaged gzip file"),
    "damaged.jsonl.gz": (GZ[:5000] + b"\xff" * 50 + GZ[5050:], "damaged gzip file"),
    "garbage.jsonl.gz": (GZ + b"garbage", "damaged gzip file"),
    "plain.jsonl.gz": (LINES, "damaged gzip file"),
    "empty.jsonl.gz": (b"", "cut short"),
    "half.jsonl.zst": (ZST[: len(ZST) // 2], "cut short"),
    "between-blocks.jsonl.zst": (cut_at_a_line(LINES), "cut short"),
    "damaged.jsonl.zst": (ZST[:5000] + b"\xff" * 50 + ZST[5050:], "damaged zstd file"),
    "plain.csv.zst": (CSV, "damaged zstd file"),
    "empty.csv.zst": (b"", "cut short"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_file_that_is_not_whole_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, message = BROKEN[name]
    with pytest.raises(SourceError, match=f"{name}: {message}"):
        read(tmp_path, name, content)


def test_error_in_a_compressed_file_names_it_and_its_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"t\.jsonl\.gz: line 20001: not valid JSON"):
        read(tmp_path, "t.jsonl.gz", gzip.compress(LINES + b'{"a":\n'))


def test_nothing_unpacked_is_left(tmp_path: Path) -> None:
    read(tmp_path, "t.jsonl.gz", gzip.compress(LINES))
    assert not list((tmp_path / "work").rglob("*.plain"))


def test_table_is_named_without_both_endings() -> None:
    assert table_name("/x/Sales 2024.csv.GZ") == "sales_2024"


def test_compression_of_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt.gz").write_bytes(b"")
    with pytest.raises(SourceError, match=r"each also with \.gz or \.zst"):
        find_sources([str(tmp_path / "x.txt.gz")])
