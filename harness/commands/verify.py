"""``loadloom verify``, and ``loadloom merge`` of what its shards wrote."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..conformance import kept
from ..conformance.baseline import read_baseline
from ..conformance.discovery import select
from ..conformance.merging import merged
from ..conformance.scenario import Scenario
from ..conformance.shard import part_of
from ..conformance.suite import Search
from ..errors import UsageError
from ..report import document, github
from ..report.console import Output, complain, print_verification
from ..report.files import make_room, write_report
from ..report.live import LiveProgress
from ..report.verification import Plan, Verification, verification
from .options import (
    AcceptOption,
    BudgetOption,
    DepthOption,
    ExecutionsOption,
    Format,
    FormatOption,
    ImplArgument,
    PreemptionsOption,
    SeedOption,
    ShardOption,
    StrategyOption,
    guarded,
    name_of,
)
from .settings import Settings, settings

ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="DIR", help="Write report.json, report.md and junit.xml there.")
]
BaselineOption = Annotated[
    Path | None,
    typer.Option("--baseline", metavar="FILE", help="Accept what is in it; fail on what is new, or gone."),
]
GithubOption = Annotated[
    bool | None, typer.Option("--github/--no-github", help="Print annotations, and add to $GITHUB_STEP_SUMMARY.")
]


def verify(
    impl: ImplArgument = None,
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO...", help="Names, patterns or files. Default: all that come with loadloom."),
    ] = None,
    strategy: StrategyOption = None,
    preemptions: PreemptionsOption = None,
    faults: Annotated[
        int | None,
        typer.Option("--faults", min=0, help="Places that may break in an execution. Default: what the scenario says."),
    ] = None,
    quick: Annotated[
        bool | None, typer.Option("--quick/--full", help="Few preemptions, as each scenario says: a look, in a minute.")
    ] = None,
    max_executions: ExecutionsOption = None,
    time_budget: BudgetOption = None,
    within: Annotated[
        float | None, typer.Option("--within", min=0, help="Seconds for all scenarios together, shared fairly.")
    ] = None,
    seed: SeedOption = None,
    depth: DepthOption = None,
    accept: AcceptOption = None,
    keep_going: Annotated[
        bool | None, typer.Option("--keep-going/--settle", help="Search to the end although something is broken.")
    ] = None,
    report: ReportOption = None,
    baseline: BaselineOption = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="How many processes search at once. Default: 1.")
    ] = None,
    shard: ShardOption = "",
    tokens: Annotated[
        Path | None,
        typer.Option("--tokens", metavar="DIR", envvar="LOADLOOM_TOKENS", help="Folder of failing tokens [.loadloom]."),
    ] = None,
    no_tokens: Annotated[bool, typer.Option("--no-tokens", help="Keep none, and try none first.")] = False,
    github: GithubOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Search a loader's schedules in each scenario and say which rules of the contract hold.

    What is not said here is taken from [tool.loadloom] in pyproject.toml; the names there are those of the options.
    """

    def run() -> int:
        asked = settings().with_given(
            implementation=impl,
            scenarios=scenarios or None,
            strategy=name_of(strategy),
            preemptions=preemptions,
            faults=faults,
            quick=quick,
            max_executions=max_executions,
            time_budget=time_budget,
            within=within,
            seed=seed,
            depth=depth,
            accept=name_of(accept),
            keep_going=keep_going,
            report=_text(report),
            baseline=_text(baseline),
            jobs=jobs,
            tokens="" if no_tokens else _text(tokens),
            github=github,
        )
        return _verify(asked, shard, output)

    raise typer.Exit(guarded(run))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _verify(asked: Settings, shard: str, output: Format) -> int:
    known = read_baseline(Path(asked.baseline), asked.implementation) if asked.baseline else None
    if asked.report:
        make_room(Path(asked.report))
    plan = Plan(
        asked.implementation,
        part_of(_with_faults(select(asked.scenarios), asked.faults), shard),
        Search(
            strategy=asked.strategy,
            preemptions=asked.preemptions,
            max_executions=asked.max_executions,
            time_budget=asked.time_budget,
            seed=asked.seed,
            depth=asked.depth,
            accept=asked.accept,
            keep_going=asked.keep_going,
            quick=asked.quick,
        ),
        asked.jobs,
        asked.within,
        _kept(asked.tokens),
    )
    with LiveProgress(len(plan.scenarios)) as live:
        made = verification(plan, live)
    for note in made.notes:
        complain(note)
    if asked.tokens:
        kept.save(Path(asked.tokens), made.failing)
    if known is not None:
        made = made.against(known)
    return _say(made, asked.report, asked.github, output)


def _with_faults(scenarios: list[Scenario], faults: int | None) -> list[Scenario]:
    return scenarios if faults is None else [scenario.with_faults(faults) for scenario in scenarios]


def _kept(folder: str) -> list[kept.Failing]:
    """Failing tokens of earlier runs. A damaged file is no reason not to verify."""
    try:
        return kept.load(Path(folder)) if folder else []
    except UsageError as error:
        complain(f"{error}; starting afresh")
        return []


def _say(made: Verification, report: str | None, on_github: bool, output: Format) -> int:
    if report:
        write_report(Path(report), made)
    out = Output()
    if output is Format.json:
        out.lines([document.dump(made.record)])
    else:
        print_verification(out, made)
    if on_github:
        _on_github(out, made, output)
    if made.record.unfinished:
        complain(f"interrupted; not finished: {', '.join(made.record.unfinished)}")
    return made.record.status


def _on_github(out: Output, made: Verification, output: Format) -> None:
    lines = github.annotated(made.record, os.environ.get("GITHUB_WORKSPACE") or os.getcwd())
    if lines and output is Format.text:
        out.lines(lines)
    elif lines:  # standard output is for a program; the runner reads the other one too
        for line in lines:
            print(line, file=sys.stderr)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        github.append_summary(made.record, summary)


def merge(
    reports: Annotated[
        list[Path], typer.Argument(metavar="REPORT...", help="report.json files, or the folders of them.")
    ],
    report: ReportOption = None,
    baseline: BaselineOption = None,
    github: GithubOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Put the reports of all shards together: one table, one list of findings, one certificate."""

    def run() -> int:
        made = Verification(merged(reports), {})
        if baseline is not None:
            made = made.against(read_baseline(baseline, made.record.implementation.name))
        return _say(made, _text(report), bool(github), output)

    raise typer.Exit(guarded(run))
