"""A failure of recovery in words: the steps up to the crash, the disk as it was found, what recovery did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..disk.models import model_named
from ..disk.state import Content, State, shown_bytes
from ..disk.table import Symlink
from ..search.crash.findings import CrashFinding, Stage
from ..trace import Operation
from .explain import Account, claims, frames_of, headline
from .steps import Who, layout, line_of

if TYPE_CHECKING:
    from ..api import ProgramFailure

MOST_STEPS = 40
"""Lines shown of a run; the first are left out where it has more."""
SHORT = 60
_FILES = ("file ", "data ", "listing ", "tree ", "mark ", "stream ")


def explain_crash(failure: ProgramFailure) -> str:
    """A failure of `harness.explore` after a crash, for people."""
    finding = failure.finding
    assert isinstance(finding, CrashFinding)
    account = Account(
        about=failure.token.rpartition("/")[0].replace("/", "."),
        replay=f'harness.replay(program, "{failure.token}"{failure.arguments})',
        found=f"in execution {finding.found_in}",
    )
    return "\n".join(crash_account(finding, account))


def crash_account(finding: CrashFinding, account: Account) -> list[str]:
    """A failure of recovery for somebody who has never seen loadloom."""
    lines = [headline(finding.failure, account)]
    for number, stage in enumerate(finding.stages):
        what = "the program" if number == 0 else "recovery"
        lines += ["", f"  {what}, up to the crash:"]
        lines += [f"  {line}" for line in _steps(stage.execution.steps, account.who)]
        lines += ["", f"  the disk as it was found ({_crash(stage)}):"]
        lines += [f"    {line}" for line in tree(stage.state, stage.memory)]
        if stage.marks:
            lines += [f"  seen outside before: {', '.join(map(str, stage.marks))}"]
    lines += ["", "  recovery:"]
    lines += [f"  {line}" for line in _steps(finding.execution.steps, account.who) or ["  (touched nothing)"]]
    for section in (frames_of(finding.failure.exception), claims(finding.failure)):
        if section:
            lines += ["", *(f"  {line}" for line in section)]
    if account.found:
        lines.append(f"  found:    {account.found}")
    lines.append(f"  replay:   {account.replay}")
    return lines


def _crash(stage: Stage) -> str:
    model = model_named(stage.stop.model)
    if model.process:
        return "the process died: what it had written is there"
    return f"power loss, disk model {model.name}: {model.stands_for}"


def _steps(steps: Sequence[Operation], who: Who) -> list[str]:
    """The steps on files, and those that take the turn."""
    chosen = [s for s in steps if s.preempted or s.resource.startswith(_FILES)]
    left_out = len(steps) - len(chosen)
    shown = chosen[-MOST_STEPS:]
    lines = layout(line_of(step, who) for step in shown)
    notes = []
    if len(chosen) > len(shown):
        notes.append(f"{len(chosen) - len(shown)} earlier steps on files left out")
    if left_out:
        notes.append(f"{left_out} other step{'' if left_out == 1 else 's'} left out")
    return [*lines, *([f"({'; '.join(notes)})"] if notes else [])]


def tree(found: State, memory: State) -> list[str]:
    """The disk as it was found, a line for each entry; what is not as the process saw it is marked.

    ``-`` lost, ``~`` torn or old, ``+`` there although it had been removed or was elsewhere.
    """
    here, before = dict(found.entries), dict(memory.entries)
    lines = []
    for path in sorted(here.keys() | before.keys()):
        depth, name = path.count("/"), path.rpartition("/")[2]
        indent = "  " * depth
        if path not in here:
            lines.append(f"- {indent}{name}{_shown(before[path])}   lost")
        elif path not in before:
            lines.append(f"+ {indent}{name}{_shown(here[path])}   not gone yet, or not yet elsewhere")
        elif here[path] != before[path]:
            lines.append(f"~ {indent}{name}{_shown(here[path])}   the process saw{_shown(before[path])}")
        else:
            lines.append(f"  {indent}{name}{_shown(here[path])}")
    return lines or ["  (nothing)"]


def _shown(content: Content) -> str:
    if content is None:
        return "/"
    if isinstance(content, Symlink):
        return f" -> {content.target}"
    if not content:
        return " (empty)"
    if not content.strip(b"\0"):
        return f" ({len(content)} NUL bytes)"
    text = shown_bytes(content)
    return f" = {text}" if len(text) <= SHORT else f" = {text[: SHORT - 3]}... ({len(content)} bytes)"
