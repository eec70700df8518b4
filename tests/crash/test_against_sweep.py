"""The cuts of one order of each trace against every step of every order: the same may be found, and recovered.

The sweep knows nothing of cuts, traces or happens-before: it runs every schedule, stops after every entry of its
journal, takes the disk in the order in which things happened, and recovers from whatever may be there.
"""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.disk import MODELS, Disk, crash_states
from harness.disk.journal import Journal, Mark
from harness.search import Dfs, Dpor, Fixed
from harness.search.crash import CrashSearch, Scene, explore_crashes
from harness.search.crash.explore import default
from harness.search.runner import Runner

Situation = tuple[Any, tuple[str, ...]]
OPERATIONS = ("create", "write", "write", "append", "sync", "sync", "rename", "rename", "unlink", "sync folder", "mark")


class Written:
    """A small program of two tasks on three names, each operation one step; and a recovery that repairs what it can."""

    def __init__(self, root: Path, seed: int, length: int) -> None:
        self.root = root
        rng = random.Random(seed)
        self.plans = [[(rng.choice(OPERATIONS), *rng.sample("abc", 2)) for _ in range(length)] for _ in range(2)]
        for name in "ab":
            (root / name).write_text(f"old{name}")

    def program(self) -> None:
        opened = {name: os.open(self.root / name, os.O_RDWR) for name in "ab"}
        folder = os.open(self.root, os.O_RDONLY)
        threads = [
            threading.Thread(target=self._work, args=(plan, opened, folder, n)) for n, plan in enumerate(self.plans)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for fd in (*opened.values(), folder):
            os.close(fd)

    def _work(self, plan: list[tuple[str, str, str]], opened: dict[str, int], folder: int, n: int) -> None:
        for count, (kind, name, other) in enumerate(plan):
            fd, path = opened.get(name, opened["a"]), self.root / name
            try:
                if kind == "create":
                    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                elif kind == "write":
                    os.pwrite(fd, f"{n}{count}".encode(), count)
                elif kind == "append":
                    os.pwrite(fd, f"{n}{count}".encode(), 4)
                elif kind == "sync":
                    os.fsync(fd)
                elif kind == "sync folder":
                    os.fsync(folder)
                elif kind == "rename":
                    os.replace(path, self.root / other)
                elif kind == "unlink":
                    os.unlink(path)
                else:
                    harness.mark(f"{n}{count}")
            except OSError:
                pass

    def recover(self) -> None:
        names = sorted(os.listdir(self.root))
        if "b" in names:
            os.replace(self.root / "b", self.root / "a")
        elif "a" in names:
            (self.root / "a").write_text("repaired")


def _key(state: object, marks: tuple[object, ...]) -> Situation:
    return state, tuple(sorted(map(str, marks)))


class Sweep:
    def __init__(self, runner: Runner, scene: Scene, written: Written, models: list[str]) -> None:
        self.runner, self.scene, self.written, self.models = runner, scene, written, models
        self.situations: dict[Situation, tuple[Any, tuple[Any, ...]]] = {}
        self.outcomes: set[Situation] = set()
        self.schedules = 0

    def crash_everywhere(self, journal: Journal, before: tuple[Any, ...]) -> list[tuple[Any, tuple[Any, ...]]]:
        found = []
        for n in range(len(journal.entries) + 1):
            seen = before + tuple(e.event for e in journal.entries[:n] if isinstance(e, Mark))
            for model in self.models:
                disk = Disk(MODELS[model], journal.initial)
                for entry in journal.entries[:n]:
                    disk.apply(entry)
                for state in crash_states(disk).states:
                    if _key(state, seen) not in self.situations:
                        self.situations[_key(state, seen)] = (state, seen)
                        found.append((state, seen))
        return found

    def run(self, crashes: int) -> None:
        strategy = Dfs()
        self.scene.begin(self.scene.initial, (), 0)
        todo = []
        while strategy.start():
            strategy.finish(self.runner.run(strategy))
            self.schedules += 1
            todo += self.crash_everywhere(self.scene.journal, ())
        for depth in range(crashes):
            later = []
            for state, seen in todo:
                self.scene.begin(state, seen, 1)
                self.runner.program = self.written.recover
                self.runner.run(Fixed(()))
                marks = seen + tuple(e.event for e in self.scene.journal.entries if isinstance(e, Mark))
                self.outcomes.add(_key(self.scene.journal.state(), marks))
                if depth + 1 < crashes:
                    later += self.crash_everywhere(self.scene.journal, seen)
            todo = later


def both(root: Path, seed: int, length: int, models: list[str], crashes: int) -> tuple[Sweep, CrashSearch]:
    written = Written(root, seed, length)
    with Scene(root) as scene:
        runner = Runner(written.program, install=[scene.install], before=scene.before, after=scene.after)
        with runner:
            chosen = [MODELS[m] for m in models]
            search = CrashSearch(runner, scene, written.recover, chosen, crashes - 1, default, keep_outcomes=True)
            explore_crashes(search, Dpor(), stop_at_first=False)
            sweep = Sweep(runner, scene, written, models)
            sweep.run(crashes)
    assert not search.broken
    return sweep, search


def compare(root: Path, seeds: range, length: int, models: list[str], crashes: int = 1) -> int:
    compared = 0
    for seed in seeds:
        place = root / f"{seed}"
        place.mkdir()
        sweep, search = both(place, seed, length, models, crashes)
        found = {_key(*situation) for situation in search._recovered}
        assert found == set(sweep.situations), (seed, len(found), len(sweep.situations))
        assert {_key(*outcome) for outcome in search.counts.outcomes} == sweep.outcomes, seed
        compared += len(found)
    return compared


@pytest.mark.parametrize("model", ["proc", "ext4", "dirseq"])
def test_cuts_find_what_a_crash_at_every_step_of_every_schedule_finds(model: str, tmp_path: Path) -> None:
    assert compare(tmp_path, range(5), 2, [model]) > 15


def test_a_crash_in_recovery_finds_the_same_too(tmp_path: Path) -> None:
    assert compare(tmp_path, range(10, 13), 2, ["proc", "ext4"], crashes=2) > 15


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_longer_sweeps(model: str, tmp_path: Path) -> None:
    compare(tmp_path, range(100, 140), 2, [model], crashes=2)
