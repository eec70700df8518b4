"""The litmus table, as it was worked out on real file systems: exactly where a cell is whole, else as a part."""

from __future__ import annotations

from dataclasses import replace

import pytest
from disk_scripts import journal_of, shown

from harness.disk import ALICE, FULL, MODELS, Disk, crash_states

NEW = "create t; write t N"
MOVED = "[p/a]"

# number: program, initial tree, then what is added by: ext4+da, ext4, dirseq and weak together, dup, split.
# A cell that ends in ... is a part of what may be found.
TABLE = {
    "L01": ("create f; write f D", "", "f=D|f=∅|-", "", "f=␀", "", ""),
    "L02": ("create f; write f D; fsync f", "", "f=D", "", "-", "", ""),
    "L03": ("create f; write f D; fsync f; fsync /", "", "f=D", "", "", "", ""),
    "L04": (f"{NEW}; rename t m", "", "m=N|m=∅|t=N|t=∅|-", "", "m=␀|t=␀", "m=N t=N|m=∅ t=∅|m=␀ t=␀", ""),
    "L05": (f"{NEW}; fsync t; rename t m", "", "m=N|t=N", "", "-", "m=N t=N", ""),
    "L06": (f"{NEW}; fsync t; rename t m; fsync /", "", "m=N", "", "", "", ""),
    "L07": (f"{NEW}; rename t m; fsync /", "", "m=N|m=∅", "", "m=␀", "", "-"),
    "L08": (
        f"{NEW}; rename t m", "m=O", "m=N|m=O|m=O t=N|m=O t=∅", "m=∅", "m=␀|m=O t=␀",
        "m=N t=N|m=∅ t=∅|m=␀ t=␀", "t=N|-|...",
    ),
    "L09": (f"{NEW}; fsync t; rename t m", "m=O", "m=N|m=O t=N", "", "m=O", "m=N t=N", "t=N|-"),
    "L10": ("rename a b", "a=A", "a=A|b=A", "", "", "a=A b=A", "-"),
    "L13": ("rename p/a q/a", "p/a=A q/", "p/a=A q/|p/ q/a=A", "", "", "p/a=A q/a=A", "p/ q/"),
    "L14": ("rename p/a q/a; fsync q", "p/a=A q/", "p/ q/a=A", "", "", "p/a=A q/a=A", ""),
    "L15": ("rename p/a q/a; fsync p", "p/a=A q/", "p/ q/a=A", "", "", "", "p/ q/"),
    "L17": ("mkdir d; create d/f; write d/f D; fsync d/f; fsync d", "", "d/f=D", "", "-", "", ""),
    "L20": ("rename p/k q/k; fsync q; fsync p", "p/k/f=F q/", "p/ q/k/f=F", "", "", "", ""),
    "L23": (
        "write f 1 @0; write g 1 @0", "f=0 g=0", "f=0 g=0|f=0 g=1|f=1 g=0|f=1 g=1", "",
        "f=0 g=␀|f=1 g=␀|f=␀ g=0|f=␀ g=1|f=␀ g=␀", "", "",
    ),
    "L25": (f"{NEW}; fsync! t; fsync t; rename t m; fsync /", "", "m=N|m=∅", "", "m=␀", "", ""),
    "L27": ("unlink a; create b; write b B; fsync b; fsync /", "a=A", "b=B", "", "", "", ""),
}  # fmt: skip
COLUMNS = (("ext4+da",), ("ext4",), ("dirseq", "weak"), ("dup",), ("split",))
FINAL = {
    "L01": "f=D", "L02": "f=D", "L03": "f=D", "L04": "m=N", "L05": "m=N", "L06": "m=N", "L07": "m=N", "L08": "m=N",
    "L09": "m=N", "L10": "b=A", "L13": "p/ q/a=A", "L14": "p/ q/a=A", "L15": "p/ q/a=A", "L17": "d/f=D",
    "L20": "p/ q/k/f=F", "L23": "f=1 g=1", "L25": "m=N", "L27": "b=B",
}  # fmt: skip


def cell(text: str) -> set[str]:
    return {"{}" if state == "-" else f"{{{state}}}" for state in text.split("|") if state not in ("", "...")}


@pytest.mark.parametrize("number", sorted(TABLE))
def test_litmus_program_leaves_what_the_table_says(number: str) -> None:
    program, initial, *cells = TABLE[number]
    expected: set[str] = set()
    for text, models in zip(cells, COLUMNS):
        expected |= cell(text)
        for model in models:
            seen = shown(model, program, initial)
            if "..." in text:
                assert expected <= seen, model
            else:
                assert seen == expected, model


@pytest.mark.parametrize("number", sorted(TABLE))
def test_a_killed_process_leaves_what_it_saw(number: str) -> None:
    program, initial, *_ = TABLE[number]
    assert shown("proc", program, initial) == {f"{{{FINAL[number]}}}"}


def test_n_files_written_and_not_synced_leave_as_many_states_as_was_counted() -> None:
    counts = []
    for n in range(1, 6):
        program = ";".join(f"create f{i}; write f{i} D" for i in range(n))
        counts.append(len(shown("ext4", program)))
    assert counts == [3, 7, 15, 31, 63]  # 2^(n+1) - 1: a chain of names, and the content of each that is there


def test_without_torn_writes_and_order_the_counts_are_those_of_the_paper_model() -> None:
    loose = replace(MODELS["weak"], nuls=False, halves=False)
    full, bounded = [], []
    for n in range(1, 6):
        journal = journal_of(";".join(f"create f{i}; write f{i} D" for i in range(n)))
        disk = Disk(loose, journal.initial)
        for entry in journal.entries:
            disk.apply(entry)
        full.append(len(crash_states(disk, FULL).states))
        bounded.append(len(crash_states(disk, ALICE).states))
    assert full == [3, 9, 27, 81, 243]
    assert bounded == [3, 9, 20, 35, 54]
