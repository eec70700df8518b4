"""Programs whose outcomes were worked out by hand from the rules, and written down before any of them was run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from disk_scripts import shown

from harness.disk import MODELS

DOCUMENT = Path(__file__).parents[2] / "docs" / "disk-model.md"


def rows() -> dict[str, list[str]]:
    found = {}
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"[PL]\d\d", cells[0]):
            found[cells[0]] = cells[1:]
    return found


ROWS = rows()


@pytest.mark.parametrize("number", sorted(ROWS))
def test_program_leaves_what_was_written_down(number: str) -> None:
    initial, program, *cells = ROWS[number]
    expected: set[str] = set()
    for model, text in zip(MODELS, cells):
        expected |= set(re.findall(r"\{[^}]*\}", text))
        assert shown(model, program.strip("`"), initial.strip("`")) == expected, model


def test_the_document_has_at_least_ten_programs() -> None:
    assert len([number for number in ROWS if number.startswith("P")]) >= 10
