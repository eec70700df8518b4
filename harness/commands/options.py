"""What the commands share: exit codes, options, and how an error becomes one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Annotated

import typer

from ..errors import LoadloomError
from ..report.console import complain
from ..search.named import SAMPLED, STRATEGIES

OK, BROKEN, USAGE, DOUBT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130


class Format(str, Enum):
    """How to print."""

    text = "text"
    json = "json"


class Accept(str, Enum):
    """What will do for an answer."""

    sampled = SAMPLED


StrategyName = Enum("StrategyName", {name: name for name in STRATEGIES}, type=str)  # type: ignore[misc]

ImplArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="IMPL", help="refimpl (default), refimpl:VARIANT, dlt, package.module:Adapter, or an installed adapter."
    ),
]
StrategyOption = Annotated[StrategyName | None, typer.Option("--strategy", help="Which schedules to run.")]
PreemptionsOption = Annotated[
    int | None, typer.Option("--preemptions", min=0, help="At most so many. Default: what the scenario says.")
]
ExecutionsOption = Annotated[int | None, typer.Option("--max-executions", min=1, help="For each scenario.")]
BudgetOption = Annotated[float | None, typer.Option("--time-budget", min=0, help="Seconds for each scenario.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Of strategies that sample. Default: 0.")]
DepthOption = Annotated[int | None, typer.Option("--depth", min=1, help="Of the bugs that pct looks for. Default: 3.")]
AcceptOption = Annotated[
    Accept | None, typer.Option("--accept", help="Samples are an answer: BOUNDED, not INCONCLUSIVE.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
JobsOption = Annotated[int, typer.Option("--jobs", "-j", min=1, help="How many processes search at once.")]
ShardOption = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts of the scenarios, for CI.")
]


def name_of(chosen: Enum | None) -> str | None:
    """What the option says."""
    return None if chosen is None else str(chosen.value)


def guarded(action: Callable[[], int]) -> int:
    """The exit code of ``action``; an error becomes one line on stderr, never a traceback."""
    try:
        return action()
    except LoadloomError as error:
        complain(" ".join(str(error).split()))
        return USAGE
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("LOADLOOM_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        complain(f"internal error: {what}; with LOADLOOM_TRACEBACK=1 it says where")
        return INTERNAL


