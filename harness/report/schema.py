"""``python -m harness.report.schema`` writes ``docs/report.schema.json`` to standard output."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import msgspec

from ..conformance import levels, record

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """JSON Schema of ``report.json``, described by the docstrings of `conformance.record`."""
    (reference,), parts = msgspec.json.schema_components([record.Record], ref_template="#/$defs/{name}")
    for name, part in parts.items():
        owner = getattr(record, name, None) or getattr(levels, name, None)
        if owner is not None and "properties" in part:
            for cls in reversed(owner.__mro__):
                _describe(part, inspect.cleandoc(cls.__doc__ or ""))
    about = f"What loadloom verify --report writes to report.json. Format {record.FORMAT}; see docs/versions.md."
    return {"$schema": ADDRESS, "title": "loadloom report", "description": about, **reference, "$defs": parts}


def _describe(part: dict[str, Any], text: str) -> None:
    """Move what a docstring says of each attribute to the attribute."""
    about, _, attributes = text.partition("\nAttributes:\n")
    part["description"] = " ".join(about.split())
    for name, said in re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", attributes, re.MULTILINE):
        if name in part["properties"]:
            part["properties"][name]["description"] = " ".join(said.split())


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
