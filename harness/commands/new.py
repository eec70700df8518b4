"""``loadloom new``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..conformance.starting import new_scenario
from ..report.console import Output
from .options import OK, guarded

app = typer.Typer(help="Write a first version of your own scenario or adapter.", rich_markup_mode=None)


@app.callback()
def _kinds() -> None:
    """Write a file that works and says in comments what each part is."""


@app.command()
def scenario(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in two-tries.")],
    folder: Annotated[Path, typer.Option("--in", metavar="DIR", help="Where to write it.")] = Path("scenarios"),
) -> None:
    """Write a scenario."""

    def run() -> int:
        path = new_scenario(name, folder)
        Output().lines([f"{path} is written. Try it: loadloom verify refimpl {shlex.quote(str(path))}"])
        return OK

    raise typer.Exit(guarded(run))
