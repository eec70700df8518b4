"""The part of `harness.explore` and `harness.replay` that crashes programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .errors import UsageError
from .faults import FileFaults
from .probes.root import below_root
from .search import Strategy
from .search.crash import CrashCounts, CrashSearch, Scene, explore_crashes, models_for, replayed
from .search.crash.explore import default
from .search.explore import Exploration
from .search.runner import Runner
from .search.token import Token

Recover = Callable[[], object]


def check(recover: object, root: object, crash: str, crashes_in_recovery: int) -> None:
    """See whether what was asked for makes sense.

    Raises:
        UsageError: it does not.
    """
    if not callable(recover):
        raise UsageError("recover= is what runs after a crash: a callable without arguments")
    if root is None:
        raise UsageError("recover= needs root=: the directory whose files a crash may lose")
    if crashes_in_recovery < 0:
        raise UsageError(f"crashes_in_recovery={crashes_in_recovery}: give a number of crashes")
    models_for(crash)


@contextmanager
def search_of(
    program: Callable[[], object],
    recover: Recover,
    root: str | os.PathLike[str],
    file_faults: Sequence[str],
    crash: str,
    disk_model: str,
    crashes_in_recovery: int,
    **how: Any,
) -> Iterator[CrashSearch]:
    """A crash search of a program, with everything in place."""
    models = models_for(crash, disk_model)
    faults = how.get("faults", 0)
    with Scene(root, FileFaults(file_faults, below_root) if faults else None) as scene:
        runner = Runner(program, install=[scene.install], before=scene.before, after=scene.after, **how)
        runner.also(recover, "recover")
        with runner:
            yield CrashSearch(runner, scene, recover, models, crashes_in_recovery, default)


def explored(search: CrashSearch, strategy: Strategy, **how: Any) -> tuple[Exploration, CrashCounts]:
    """Search to the end, or to the first failure."""
    exploration = explore_crashes(search, strategy, **how)
    return exploration, search.counts


def replay_crash(search: CrashSearch, token: Token) -> Exploration:
    """Run to the crashes of a token, and recover again.

    Raises:
        NondeterminismError: it does not fit any more.
    """
    finding = replayed(search, token, default())
    steps = 0 if finding is None else len(finding.execution.steps)
    return Exploration(1, 0, steps, [] if finding is None else [finding], False, "one schedule", ["one schedule only"])
