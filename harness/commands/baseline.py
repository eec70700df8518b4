"""``loadloom baseline update``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..conformance.baseline import dump, read_baseline, update
from ..conformance.merging import read_report
from ..conformance.stored import write_whole
from ..report.console import Output
from .options import OK, guarded

app = typer.Typer(help="Known findings, accepted by cause: loadloom verify --baseline FILE.", rich_markup_mode=None)


@app.callback()
def _only() -> None:
    """Makes ``update`` a command of its own although it is the only one."""


@app.command("update")
def update_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The baseline; made if it is not there.")],
    report: Annotated[
        Path, typer.Argument(metavar="REPORT", help="A report.json, or the folder of one: verify --report.")
    ],
) -> None:
    """Accept what a report found. Notes in the baseline are kept, and what is known of scenarios not in the report."""
    raise typer.Exit(guarded(lambda: _update(file, report)))


def _update(file: Path, report: Path) -> int:
    record = read_report(report)
    old = read_baseline(file, record.implementation.name) if file.exists() else None
    made = update(old, record)
    write_whole(file, dump(made))
    before = {known.cause for known in old.known} if old else set()
    after = {known.cause for known in made.known}
    lines = [f"+ {cause}" for cause in sorted(after - before)] + [f"- {cause}" for cause in sorted(before - after)]
    Output().lines([*lines, f"{file}: {len(after)} known findings, {len(made.doubts)} accepted doubts"])
    return OK
