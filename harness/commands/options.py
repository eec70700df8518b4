"""What the commands share: exit codes, options, and how an error becomes one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Annotated

import typer

from ..errors import LoadloomError
from ..report.console import complain

OK, BROKEN, USAGE, DOUBT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130


class Format(str, Enum):
    """How to print."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
JobsOption = Annotated[int, typer.Option("--jobs", "-j", min=1, help="How many processes search at once.")]
ShardOption = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts of the scenarios, for CI.")
]


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


