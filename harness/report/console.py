"""Text on its way out: coloured on a terminal, plain in a pipe, never a traceback when nobody reads it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from . import table
from .table import Cells, numeric, plain
from .verification import Verification

_THEME = Theme(
    {
        "loom.good": "green",
        "loom.bad": "bold red",
        "loom.doubt": "yellow",
        "loom.mark": "bold yellow",
        "loom.note": "cyan",
        "loom.paste": "bold",
    }
)


class _Words(RegexHighlighter):
    base_style = "loom."
    highlights = (
        r"\b(?P<good>PROVED|BOUNDED)\b",
        r"\b(?P<bad>BROKEN)\b",
        r"\b(?P<doubt>INCONCLUSIVE|VACUOUS)\b",
        r"(?m)^(?P<bad>\[[\w-]+\])",
        r"(?m)^ +(?P<mark>[>!]+)(?= +\d+ )",
        r"(?m)(?P<note><- .*)$",
        r"(?m)^ +replay: +(?P<paste>.*)$",
    )


class Output:
    """Standard output. A reader that goes away (`| head`) is no error; the exit code stays what it is."""

    def __init__(self) -> None:
        self.terminal = Console(file=sys.stdout).is_terminal
        self._closed = False

    def lines(self, lines: Sequence[str]) -> None:
        """Print lines, each as it is."""
        text = "\n".join(lines) + "\n"
        if self.terminal:
            text = self._styled(_Words()(Text(text)))
        self._write(text)

    def table(self, cells: Cells) -> None:
        """Print a table."""
        if not self.terminal:
            self.lines(plain(cells))
            return
        made = Table(box=None, pad_edge=False, header_style="bold")
        for n, head in enumerate(cells[0]):
            made.add_column(head, justify="right" if numeric(n, len(cells[0])) else "left", no_wrap=True)
        for row in cells[1:]:
            made.add_row(*(_Words()(Text(text)) for text in row))
        self._write(self._styled(made))

    def _styled(self, what: Text | Table) -> str:
        width = max(Console(file=sys.stdout).width, 20)
        console = Console(file=io.StringIO(), force_terminal=True, width=width, theme=_THEME, highlight=False)
        console.print(what, end="", soft_wrap=isinstance(what, Text), overflow="ignore")
        file = console.file
        assert isinstance(file, io.StringIO)
        return file.getvalue()

    def _write(self, text: str) -> None:
        if self._closed:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self.close()

    def close(self) -> None:
        """Nobody reads any more: let what is still buffered go nowhere."""
        self._closed = True
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (OSError, ValueError):
            pass


def print_verification(out: Output, made: Verification) -> None:
    """The table, each finding explained (of known ones only the cause), what is in doubt, and what may be claimed."""
    record = made.record
    if not record.scenarios:
        return
    out.table(table.cells(record, made.seconds))
    known = record.baseline.known if record.baseline is not None else []
    for finding in record.findings:
        if finding.cause not in known:
            out.lines(["", *table.story(finding)])
    rest = table.against(record) or table.doubts(record)
    out.lines(["", *rest, *([""] if rest else []), table.level(record), table.summary(record, made.seconds)])


def complain(text: str) -> None:
    """``loadloom: ...`` on stderr, one line for each of the text's."""
    for line in text.splitlines() or [""]:
        try:
            print(f"loadloom: {line}", file=sys.stderr)
        except (BrokenPipeError, ValueError):
            return
