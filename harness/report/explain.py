"""A failure in words: headline, who waits for whom, the steps that matter, expected and seen, how to see it again."""

from __future__ import annotations

import os
import shlex
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..contract.monitor import title
from ..runtime import Execution
from ..trace import Failure, Operation, Waiting
from .relevant import that_matter
from .steps import Line, Who, layout, line_of, plain_name, preempted_by, role_name, short_site

if TYPE_CHECKING:
    from ..api import ProgramFailure

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
FRAMES = 8
"""Innermost frames shown of an exception."""


@dataclass(frozen=True)
class Account:
    """What an explanation needs besides the failure and its execution.

    Attributes:
        about: what failed: ``dlt 1.27.2, scenario shared-wakeup``.
        replay: the line to paste.
        who: what to call a task.
        found: how it was found; empty in a replay.
    """

    about: str
    replay: str
    who: Who = plain_name
    found: str = ""


def explain(failure: Failure, execution: Execution, account: Account) -> list[str]:
    """The failure for somebody who has never seen loadloom."""
    sections = [
        _waiting(failure.waiting),
        _steps(failure, execution, account.who),
        frames_of(failure.exception),
        claims(failure),
    ]
    lines = [headline(failure, account)]
    for section in sections:
        if section:
            lines += ["", *(f"  {line}" for line in section)]
    if account.found:
        lines.append(f"  found:    {account.found}")
    lines.append(f"  replay:   {account.replay}")
    return lines


def headline(failure: Failure, account: Account) -> str:
    """One line: what is broken, of what."""
    if failure.rule:
        return f"[{failure.rule}] {_gist(failure)}: {account.about}"
    return f"[{failure.kind}] {_gist(failure)}: {account.about}"


def _gist(failure: Failure) -> str:
    if failure.kind in ("deadlock", "livelock"):
        count = len(failure.waiting)
        verb = "waits" if count == 1 else "wait"
        tail = "for ever" if failure.kind == "deadlock" else "for ever and finds nothing new"
        return f"{count} task{'' if count == 1 else 's'} {verb} {tail}"
    if failure.kind == "exception":
        return failure.where or failure.error
    first = failure.error.partition(": ")[0]
    return first if len(first) <= 70 else first[:67] + "..."


def _waiting(rows: Sequence[Waiting]) -> list[str]:
    if not rows:
        return []
    cells = [
        (
            row.task,
            f"waits: {row.operation}" + (f" {row.resource}" if row.resource else ""),
            f"{'held by' if 'acquire' in row.operation else 'needs'} {', '.join(row.holders)}" if row.holders else "",
            f"at {short_site(row.site)}" if row.site else "",
        )
        for row in rows
    ]
    widths = [max(len(row[n]) for row in cells) for n in range(4)]
    return ["  ".join(f"{text:<{w}}" for text, w in zip(row, widths) if w).rstrip() for row in cells]


def _steps(failure: Failure, execution: Execution, who: Who) -> list[str]:
    steps = execution.steps
    chosen = that_matter(failure, execution, who)
    if not chosen:
        return []
    broken = failure.step if failure.kind in ("rule", "exception") else -1
    shown = []
    for index, note in chosen.items():
        if index == broken:
            note = "; ".join(part for part in (note, _verdict_note(failure)) if part)
        shown.append(line_of(steps[index], who, note, broken=index == broken))
    lines = layout(shown)
    left_out = len(steps) - len(chosen)
    notes = []
    if left_out:
        notes.append(f"{left_out} other step{'' if left_out == 1 else 's'} left out")
    if any(steps[index].preempted for index in chosen):
        notes.append("! takes the turn from a task that could have gone on")
    return [*lines, *([f"({'; '.join(notes)})"] if notes else [])]


def _verdict_note(failure: Failure) -> str:
    return f"{failure.rule} is broken here" if failure.rule else "raised after this step"


def frames_of(error: BaseException | None) -> list[str]:
    """Where an exception came from, without our own frames."""
    if error is None:
        return []
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _ours(f.filename)]
    if not frames:
        return []
    lines = ["raised in (innermost last):"]
    if len(frames) > FRAMES:
        lines.append(f"  ({len(frames) - FRAMES} outer frames left out)")
    for frame in frames[-FRAMES:]:
        parts = frame.filename.replace(os.sep, "/").split("/")
        lines.append(f"  {'/'.join(parts[-2:])}:{frame.lineno} {frame.name}   {frame.line or ''}".rstrip())
    return lines


def _ours(filename: str) -> bool:
    return filename.startswith(_OURS) and f"{os.sep}adapters{os.sep}" not in filename


def claims(failure: Failure) -> list[str]:
    """What was expected, and what was seen."""
    lines = []
    expected = failure.expected or _EXPECTED.get(failure.kind, "")
    if expected:
        rule = f" ({title(failure.rule)})" if failure.rule else ""
        lines.append(f"expected: {expected}{rule}")
    seen = failure.error.splitlines() or [""]
    return [*lines, f"seen:     {seen[0]}", *(f"          {line}" for line in seen[1:])]


_EXPECTED = {
    "exception": "no exception that nobody catches",
    "deadlock": "every task ends",
    "livelock": "every task ends",
}


def counted(found_in: int, executions: int, bounds: str, complete: bool) -> str:
    """``in execution 7 of 61 (every order)``."""
    how = [bounds] if bounds else ["every order"] if complete else []
    if not complete:
        how.append("the search was not finished")
    return f"in execution {found_in} of {executions} ({', '.join(how)})"


def shrunk(execution: Execution) -> str:
    """How small the failing schedule is."""
    count = execution.preemptions()
    return f"shrunk to {count} preemption{'' if count == 1 else 's'} in {len(execution.steps)} steps"


def explain_program(failure: ProgramFailure, replay: str = "") -> str:
    """A failure of `harness.explore` for people."""
    finding = failure.finding
    account = Account(
        about=failure.token.rpartition("/")[0].replace("/", "."),
        replay=replay or f'harness.replay(program, "{failure.token}"{failure.arguments})',
        found=f"in execution {finding.found_in}; {shrunk(finding.execution)}",
    )
    return "\n".join(explain(finding.failure, finding.execution, account))


def replay_command(token: str, scenario: str = "") -> str:
    """The command that runs a schedule again; ``scenario`` is a file where the scenario is none of ours."""
    words = ["loadloom", "replay", token]
    if scenario:
        words += ["--scenario", scenario]
    return shlex.join(words)


def account_of(
    implementation: str, version: str, scenario: str, token: str, path: str = "", found: str = ""
) -> Account:
    """The account of a loader under a scenario."""
    about = " ".join(filter(None, (implementation, version))) + f", scenario {scenario}"
    return Account(about, replay_command(token, path), role_name, found)


def every_step(execution: Execution, failures: Sequence[Failure], who: Who) -> list[str]:
    """The whole execution, with what broke where."""
    notes: dict[int, list[str]] = {}
    for failure in failures:
        if failure.kind in ("rule", "exception"):
            notes.setdefault(failure.step, []).append(_verdict_note(failure))
    return layout(_full_line(step, execution.steps, notes.get(step.index, []), who) for step in execution.steps)


def _full_line(step: Operation, steps: list[Operation], notes: list[str], who: Who) -> Line:
    parts = ([preempted_by(step, steps, who)] if step.preempted else []) + notes
    return line_of(step, who, "; ".join(dict.fromkeys(parts)), broken=bool(notes))
