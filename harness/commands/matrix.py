"""``loadloom kill-matrix``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..conformance.discovery import select
from ..conformance.kill_matrix import EXECUTIONS, kill_matrix, variants_named
from ..conformance.shard import part_of
from ..conformance.stored import write_whole
from ..report import matrix
from ..report.console import Output, complain
from ..report.document import dump
from ..report.files import make_sure
from ..report.live import LiveProgress
from .options import Format, FormatOption, JobsOption, ShardOption, guarded


def command(
    scenarios: Annotated[
        list[str] | None, typer.Argument(metavar="SCENARIO...", help="Names or files. Default: all of ours.")
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option("--variant", metavar="NAME", help="Only this one. May be given again.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only as much as it takes to know that all are killed and all kill.")
    ] = False,
    max_executions: Annotated[int, typer.Option("--max-executions", min=1, help="For each cell.")] = EXECUTIONS,
    jobs: JobsOption = 1,
    shard: ShardOption = "",
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the whole matrix there as well.")
    ] = None,
    output: FormatOption = Format.text,
) -> None:
    """Run every variant of the reference loader against every scenario: which scenario kills which?

    A variant that survives, one that is not killed by the rule it is made to break, or a scenario that kills nothing
    is wrong: exit 1.
    """

    def run() -> int:
        if markdown is not None:
            make_sure(markdown)
        chosen = part_of(select(scenarios or ()), shard)
        rows = variants_named(variant or ())
        with LiveProgress(len(chosen)) as live:
            found = kill_matrix(
                rows,
                chosen,
                every_variant=not variant,
                quick=quick,
                executions=max_executions,
                processes=jobs,
                progress=lambda done, total: live.says(f"{done} of {total} cells"),
            )
        if markdown is not None:
            write_whole(markdown, matrix.markdown(found))
        Output().lines([dump(found)] if output is Format.json else matrix.lines(found))
        if found.unfinished:
            complain(f"interrupted; {found.unfinished} cells left")
        return found.exit_code

    raise typer.Exit(guarded(run))
