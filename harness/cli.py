"""The command: parse, call, print."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Annotated, Any

import typer

from refimpl.command import load
from refimpl.package_command import app as package_app

from .commands import baseline as baseline_commands
from .commands import matrix, new, verify
from .commands.options import (
    INTERRUPTED,
    OK,
    USAGE,
    AcceptOption,
    BudgetOption,
    DepthOption,
    ExecutionsOption,
    Format,
    FormatOption,
    ImplArgument,
    PreemptionsOption,
    SeedOption,
    StrategyOption,
    guarded,
    name_of,
)
from .conformance import catalogue
from .conformance.orderings import orderings as find_orders
from .conformance.registry import implementation
from .conformance.scenario import find
from .conformance.suite import Search
from .conformance.suite import replay as run_again
from .report import document, orders
from .report.console import Output, complain
from .report.live import LiveProgress
from .report.replayed import replayed

app = typer.Typer(name="loadloom", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(load)
app.command()(verify.verify)
app.command()(verify.merge)
app.add_typer(package_app, name="package")
app.command("kill-matrix")(matrix.command)
app.add_typer(baseline_commands.app, name="baseline")
app.add_typer(new.app, name="new")


class Kind(str, Enum):
    """What to list."""

    scenarios = "scenarios"
    rules = "rules"
    implementations = "implementations"
    variants = "variants"


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
def orderings(
    impl: ImplArgument = None,
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A name or a file.")] = "shared-wakeup",
    strategy: StrategyOption = None,
    preemptions: PreemptionsOption = None,
    max_executions: ExecutionsOption = None,
    time_budget: BudgetOption = None,
    seed: SeedOption = None,
    depth: DepthOption = None,
    accept: AcceptOption = None,
    output: FormatOption = Format.text,
) -> None:
    """List the six orders of marker write, state publish and rename: which are reached, which are safe."""
    search = Search(
        name_of(strategy), preemptions, max_executions, time_budget, seed or 0, depth=depth, accept=name_of(accept)
    )
    raise typer.Exit(guarded(lambda: _orderings(impl or "refimpl", scenario, search, output)))


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
