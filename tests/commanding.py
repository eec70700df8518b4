"""Run the command as a user does, in this process or in one of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass

import pytest

from harness.cli import run


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Command:
    """`loadloom ...` in this process: the same door, without the cost of a new interpreter."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        code = run(list(arguments))
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)


def shell(line: str, **environment: str) -> Ran:
    """A line that begins with `loadloom`, in a shell of its own."""
    words = shlex.split(line)
    assert words[0] == "loadloom", line
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words[1:]],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def blocks(out: str) -> list[list[str]]:
    """The explained failures in an output: from a headline to its replay line."""
    found: list[list[str]] = []
    inside = False
    for line in out.splitlines():
        if line.startswith("["):
            found.append([])
            inside = True
        if inside:
            found[-1].append(line)
        if line.startswith("  replay:"):
            inside = False
    return found


def replay_line(block: list[str]) -> str:
    """The command at the end of an explained failure."""
    return block[-1].partition("replay:")[2].strip()


def without_how_found(block: list[str]) -> list[str]:
    """A replay cannot know in which execution a failure was found."""
    return [line for line in block if not line.startswith("  found:")]
