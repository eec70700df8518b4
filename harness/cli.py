"""The command: parse, call, print."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from refimpl.command import load

from .api import STRATEGIES
from .commands import baseline as baseline_commands
from .commands import matrix
from .commands.options import INTERRUPTED, OK, USAGE, Format, FormatOption, JobsOption, guarded
from .conformance import catalogue
from .conformance.baseline import read_baseline
from .conformance.discovery import select
from .conformance.orderings import orderings as find_orders
from .conformance.registry import implementation
from .conformance.scenario import find
from .conformance.suite import Search
from .conformance.suite import replay as run_again
from .report import document, orders
from .report.console import Output, complain, print_verification
from .report.files import make_room, write_report
from .report.live import LiveProgress
from .report.replayed import replayed
from .report.verification import verification

app = typer.Typer(name="loadloom", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(load)
app.command("kill-matrix")(matrix.command)
app.add_typer(baseline_commands.app, name="baseline")


class Kind(str, Enum):
    """What to list."""

    scenarios = "scenarios"
    rules = "rules"
    implementations = "implementations"
    variants = "variants"


StrategyName = Enum("StrategyName", {name: name for name in STRATEGIES}, type=str)  # type: ignore[misc]

ImplArgument = Annotated[
    str, typer.Argument(metavar="IMPL", help="refimpl, refimpl:VARIANT, dlt or package.module:Adapter")
]
StrategyOption = Annotated[StrategyName | None, typer.Option("--strategy", help="Which schedules to run.")]
PreemptionsOption = Annotated[
    int | None, typer.Option("--preemptions", min=0, help="At most so many. Default: what the scenario says.")
]
ExecutionsOption = Annotated[int | None, typer.Option("--max-executions", min=1, help="For each scenario.")]
BudgetOption = Annotated[float | None, typer.Option("--time-budget", min=0, help="Seconds for each scenario.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of --strategy random.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        Output().lines([f"loadloom {version('loadloom')}"])
        raise typer.Exit(OK)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run a loader's threads in every order that matters and say whether it keeps its commit contract.

    Exit codes: 0 every rule holds; 1 something is BROKEN; 2 usage or input; 3 INCONCLUSIVE or VACUOUS; 4 an error of
    loadloom itself; 130 interrupted.
    """


@app.command()
def verify(
    impl: ImplArgument = "refimpl",
    scenarios: Annotated[
        list[str] | None, typer.Argument(metavar="SCENARIO...", help="Names or files. Default: all of ours.")
    ] = None,
    strategy: StrategyOption = None,
    preemptions: PreemptionsOption = None,
    max_executions: ExecutionsOption = None,
    time_budget: BudgetOption = None,
    seed: SeedOption = 0,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Search to the end although something is broken.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Write report.json, report.md and junit.xml there.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Accept what is in it; fail on what is new, or gone."),
    ] = None,
    jobs: JobsOption = 1,
    output: FormatOption = Format.text,
) -> None:
    """Search a loader's schedules in each scenario and say which rules of the contract hold."""
    search = replace(_search(strategy, preemptions, max_executions, time_budget, seed), keep_going=keep_going)
    raise typer.Exit(guarded(lambda: _verify(impl, scenarios or [], search, output, report, jobs, baseline)))


def _search(strategy: Any, preemptions: int | None, most: int | None, seconds: float | None, seed: int) -> Search:
    return Search(None if strategy is None else str(strategy.value), preemptions, most, seconds, seed)


def _verify(
    impl: str,
    names: list[str],
    search: Search,
    output: Format,
    report: Path | None,
    jobs: int,
    baseline: Path | None,
) -> int:
    known = None if baseline is None else read_baseline(baseline, impl)
    if report is not None:
        make_room(report)
    chosen = select(names)
    with LiveProgress(len(chosen)) as live:
        made = verification(impl, chosen, search, jobs, live)
    if known is not None:
        made = made.against(known)
    if report is not None:
        write_report(report, made)
    out = Output()
    if output is Format.json:
        out.lines([document.dump(made.record)])
    else:
        print_verification(out, made)
    if made.record.unfinished:
        complain(f"interrupted; not finished: {', '.join(made.record.unfinished)}")
    return made.record.status


@app.command()
def orderings(
    impl: ImplArgument = "refimpl",
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A name or a file.")] = "shared-wakeup",
    strategy: StrategyOption = None,
    preemptions: PreemptionsOption = None,
    max_executions: ExecutionsOption = None,
    time_budget: BudgetOption = None,
    seed: SeedOption = 0,
    output: FormatOption = Format.text,
) -> None:
    """List the six orders of marker write, state publish and rename: which are reached, which are safe."""
    search = _search(strategy, preemptions, max_executions, time_budget, seed)
    raise typer.Exit(guarded(lambda: _orderings(impl, scenario, search, output)))


def _orderings(impl: str, name: str, search: Search, output: Format) -> int:
    loader, scenario = implementation(impl), find(name)
    with LiveProgress(1) as live:
        live.begins(scenario)
        found = find_orders(loader, scenario, search, live.progress)
    out = Output()
    if output is Format.json:
        out.lines([document.dump(orders.document(found))])
    else:
        out.table(orders.cells(found))
        out.lines(["", *orders.below(found)])
    return orders.code(found)


@app.command()
def replay(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="As a failure prints it.")],
    scenario: Annotated[str, typer.Option("--scenario", metavar="FILE", help="Where its scenario is.")] = "",
    output: FormatOption = Format.text,
) -> None:
    """Run one schedule again, step by step."""
    raise typer.Exit(guarded(lambda: _replay(token, scenario, output)))


def _replay(token: str, scenario: str, output: Format) -> int:
    again = run_again(token, scenario)
    as_json = output is Format.json
    Output().lines([document.dump(document.of_replay(again))] if as_json else replayed(again))
    return again.exit_code


@app.command("list")
def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    output: FormatOption = Format.text,
) -> None:
    """List what there is."""
    raise typer.Exit(guarded(lambda: _list(kind.value, output)))


def _list(kind: str, output: Format) -> int:
    entries = catalogue.entries(kind)
    if output is Format.json:
        Output().lines([document.dump(document.of_catalogue(kind, entries))])
    else:
        width = max((len(name) for name, _ in entries), default=0)
        Output().lines([f"{name:<{width}}  {about}" for name, about in entries])
    return OK


_PARSER_ERROR: Any = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")


def run(arguments: list[str]) -> int:
    """Run the command; its exit code."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments or ["--help"], prog_name="loadloom", standalone_mode=False)
    except _PARSER_ERROR as error:
        where = error.ctx.command_path if getattr(error, "ctx", None) is not None else "loadloom"
        complain(f"{error.format_message().rstrip('.')}; see {where} --help")
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        Output().close()
        return OK
    return code if isinstance(code, int) else OK


def main() -> None:
    """The ``loadloom`` command."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        Output().close()
    sys.exit(code if sys.argv[1:] else USAGE)


__all__ = ["app", "guarded", "main", "run"]
