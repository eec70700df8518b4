"""Column types: DuckDB's names for them, and the type that holds two of them."""

from __future__ import annotations

from collections.abc import Iterable

UNKNOWN = '"NULL"'  # what DuckDB calls the type of a column in which every value is null

_INTEGERS = ("TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT")
_TIMES = ("DATE", "TIMESTAMP")

Columns = tuple[tuple[str, str], ...]
"""The columns of a file or table in order: (name, type)."""


def is_nested(kind: str) -> bool:
    """Whether values of type `kind` have parts; such columns are kept as JSON."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT"))


def is_temporal(kind: str) -> bool:
    """Whether `kind` is a date, a time or both."""
    return kind.startswith(("DATE", "TIME"))


def wider(one: str, other: str) -> str:
    """The type that holds the values of both: what cannot be held as a number or a time becomes text or JSON."""
    if one == other or other == UNKNOWN:
        return one
    if one == UNKNOWN:
        return other
    if one.startswith("pg:") or other.startswith("pg:"):
        return one if one.startswith("pg:") else other
    if "JSON" in (one, other):
        return "JSON"
    if one in _INTEGERS and other in _INTEGERS:
        # Signed and unsigned of one size fit only into the next signed one; HUGEINT is the last.
        signed = one.startswith("U") == other.startswith("U")
        widest = max(_INTEGERS.index(one), _INTEGERS.index(other))
        return _INTEGERS[widest if signed or not _INTEGERS[widest].startswith("U") else widest + 1]
    if _is_number(one) and _is_number(other):
        return "DOUBLE"
    if one in _TIMES and other in _TIMES:
        return "TIMESTAMP"
    return "VARCHAR"


def union(tables: Iterable[Columns]) -> Columns:
    """The columns that hold all `tables`. Names that differ only in case are one column, as DuckDB has it."""
    merged: dict[str, tuple[str, str]] = {}
    for columns in tables:
        for name, kind in columns:
            known, wide = merged.get(name.lower(), (name, UNKNOWN))
            merged[name.lower()] = (known, wider(wide, kind))
    return tuple(merged.values())


def _is_number(kind: str) -> bool:
    return kind in _INTEGERS or kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL")
