"""What an empty job costs the reference loader, side by side with dlt 1.31.0, and where the time goes.

    python benchmarks/loader.py [--dir DIR] [--repeats N] [--quick] > benchmarks/loader.md

Empty jobs, a destination that keeps nothing (`null`; `dummy` of dlt), 20 workers; what is timed is the load itself, the
package being there. Each measurement is a process of its own, and they take turns. dlt gets an environment of its own,
made here on first use (.venv-rows, shared with rows.py). `--dir` says on which file system; `--quick` leaves out what
takes minutes: dlt with 4,000 jobs, and 100,000 jobs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

DURABILITIES = ("none", "process", "power")
WORKERS = 20
MARKER = b'88 1a2b3c4d\n{"follow_ups":[],"job":"items.000000","message":"","rows":0,"state":"completed"}'

DLT_SCRIPT = """
import json, resource, sys, time
import dlt
from dlt.destinations import dummy

jobs, work = int(sys.argv[1]), sys.argv[2]
pipeline = dlt.pipeline("cost", pipelines_dir=work, destination=dummy(completed_prob=1.0))
pipeline.extract([{"a": number} for number in range(jobs)], table_name="items")
pipeline.normalize()
cpu, started = time.process_time(), time.perf_counter()
info = pipeline.load(workers=int(sys.argv[3]))
seconds = time.perf_counter() - started
done = sum(len(package.jobs["completed_jobs"]) for package in info.load_packages)
print(json.dumps({"seconds": seconds, "cpu": time.process_time() - cpu, "jobs": done,
                  "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""
DLT_SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "1",  # a job for each row
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "1000000",
}


# -- what runs in a process of its own


def package(folder: str, jobs: int, durability: str) -> Any:
    """A storage with a package of so many empty jobs."""
    from refimpl import NewJob, PackageStorage

    storage = PackageStorage(folder, durability)  # type: ignore[arg-type]
    storage.create_package("load", [NewJob(f"items.{number:06d}") for number in range(jobs)])
    return storage


def load(folder: str, jobs: int, durability: str) -> dict[str, float]:
    """Load empty jobs, and say what it cost."""
    from refimpl import Loader, NullDestination, journal

    storage = package(folder, jobs, durability)
    syncs, flush = 0, journal.flush

    def counted(fd: int, *, grown: bool = False) -> None:
        nonlocal syncs
        syncs += 1
        flush(fd, grown=grown)

    journal.flush = counted
    cpu, started = time.process_time(), time.perf_counter()
    summary = Loader(storage, NullDestination(), workers=WORKERS).run()
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
        "jobs": len(summary.jobs),
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "syncs": syncs,
    }


def steps(folder: str, jobs: int, durability: str) -> dict[str, float]:
    """Microseconds a job spends behind each hook until the next one, all in one thread."""
    from refimpl import Loader, NullDestination, hooks

    storage = package(folder, jobs, durability)
    spent: Counter[str] = Counter()
    last, since = "start", time.perf_counter()

    def watch(name: str, subject: object) -> None:
        nonlocal last, since
        now = time.perf_counter()
        spent[last] += now - since  # type: ignore[assignment]
        last, since = name, time.perf_counter()

    hooks.attach(watch)
    Loader(storage, NullDestination(), workers=0).run()
    spent[last] += time.perf_counter() - since  # type: ignore[assignment]
    return {name: seconds / jobs * 1e6 for name, seconds in spent.items()}


def calls(folder: str, jobs: int, durability: str) -> dict[str, float]:
    """Microseconds of the bare system calls that an empty job needs, in one thread."""

    def timed(action: Callable[[int], object]) -> float:
        started = time.perf_counter()
        for number in range(jobs):
            action(number)
        return (time.perf_counter() - started) / jobs * 1e6

    def create(number: int) -> None:
        fd = os.open(f"{folder}/items.{number:06d}", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666)
        os.write(fd, MARKER)
        os.close(fd)

    log = os.open(f"{folder}/journal", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
    costs = {
        "marker: open, write, close": timed(create),
        "marker: unlink": timed(lambda number: os.unlink(f"{folder}/items.{number:06d}")),
        "journal: write": timed(lambda number: os.write(log, MARKER)),
    }
    started = time.perf_counter()
    for _ in range(50):
        os.write(log, MARKER)
        os.fdatasync(log)
    costs["journal: one fdatasync"] = (time.perf_counter() - started) / 50 * 1e6
    return costs


def hooks_off(folder: str, jobs: int, durability: str) -> dict[str, float]:
    """Microseconds that the places where hooks may stand cost a job with nothing attached."""
    from refimpl import Loader, NullDestination, hooks

    storage = package(folder, jobs, durability)
    passed = 0

    def count(name: str, subject: object) -> None:
        nonlocal passed
        passed += 1

    hooks.attach(count)
    Loader(storage, NullDestination(), workers=0).run()
    hooks.detach(count)
    space = {"hooks": hooks}
    looks = min(timeit.repeat("if hooks.active is not None: pass", globals=space, number=100_000, repeat=20))
    nothing = min(timeit.repeat("pass", globals=space, number=100_000, repeat=20))
    return {"places": passed / jobs, "cost": passed / jobs * (looks - nothing) * 10}


CHILDREN: dict[str, Callable[[str, int, str], dict[str, float]]] = {
    "load": load,
    "steps": steps,
    "calls": calls,
    "hooks": hooks_off,
}


# -- what asks for it


class Bench:
    """Runs the measurements below a directory."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def ours(self, what: str, jobs: int, durability: str = "process") -> dict[str, float]:
        """One measurement in a process of its own."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            return self._run([sys.executable, __file__, "--child", what, str(jobs), durability, work], {})

    def dlt(self, jobs: int) -> dict[str, float]:
        """The same load by dlt."""
        from rows import dlt_python

        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            script = Path(work) / "dlt_cost.py"
            script.write_text(DLT_SCRIPT)
            return self._run([dlt_python(), str(script), str(jobs), work, str(WORKERS)], DLT_SETTINGS)

    def _run(self, command: list[str], settings: dict[str, str]) -> dict[str, float]:
        done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        print(" ".join(command[1:-1]), {name: round(value, 3) for name, value in found.items()}, file=sys.stderr)
        return found


def median(runs: list[dict[str, float]], what: str) -> float:
    """The middle one of a value."""
    return statistics.median(run[what] for run in runs)


def least(runs: list[dict[str, float]], what: str) -> float:
    """The smallest of a value: what other processes do to us only adds."""
    return min(run[what] for run in runs)


def side_by_side(bench: Bench, repeats: int, quick: bool) -> list[str]:
    """The table with dlt."""
    lines = [
        "## Side by side with dlt 1.31.0",
        "",
        f"Medians of {repeats} runs that took turns; dlt with 4,000 jobs once. dlt syncs nothing and writes a marker "
        "file for each job, so what it does is `process` here.",
        "",
        "| jobs | loader | seconds | CPU seconds | microseconds a job | dlt takes times as long | times the CPU |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    for jobs in (1000,) if quick else (1000, 4000):
        theirs, ours = [], {durability: [] for durability in DURABILITIES}  # type: ignore[var-annotated]
        for turn in range(repeats):
            if turn == 0 or jobs == 1000:
                theirs.append(bench.dlt(jobs))
            for durability in DURABILITIES:
                ours[durability].append(bench.ours("load", jobs, durability))
        wall, cpu = median(theirs, "seconds"), median(theirs, "cpu")
        lines.append(f"| {jobs} | dlt | {wall:.2f} | {cpu:.2f} | {wall / jobs * 1e6:,.0f} | | |")
        for durability, runs in ours.items():
            seconds, spent = median(runs, "seconds"), median(runs, "cpu")
            lines.append(
                f"| {jobs} | loadloom, `{durability}` | {seconds:.3f} | {spent:.3f} | {seconds / jobs * 1e6:,.0f} | "
                f"{wall / seconds:.0f} | {cpu / spent:.0f} |"
            )
    return lines


def growth(bench: Bench, repeats: int, quick: bool) -> list[str]:
    """The cost of a job as their number grows."""
    sizes = (1000, 10_000) if quick else (1000, 10_000, 100_000)
    runs: dict[tuple[str, int], list[dict[str, float]]] = {}
    for turn in range(repeats):
        for durability in DURABILITIES:
            for jobs in sizes:
                for _ in range(3 if jobs == 1000 else jobs == 10_000 or turn == 0):
                    runs.setdefault((durability, jobs), []).append(bench.ours("load", jobs, durability))
    lines = [
        "",
        "## As the number of jobs grows",
        "",
        "Microseconds a job; CPU is that of all threads, in the kernel too; 100,000 jobs once. Memory is the peak.",
        "",
        "| durability | jobs | microseconds a job | against 1,000 | CPU | against 1,000 | MiB | syncs of the journal |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (durability, jobs), found in runs.items():
        wall, cpu = (median(found, what) / jobs * 1e6 for what in ("seconds", "cpu"))
        first = runs[durability, 1000]
        wall_1, cpu_1 = (median(first, what) / 1000 * 1e6 for what in ("seconds", "cpu"))
        lines.append(
            f"| `{durability}` | {jobs:,} | {wall:.0f} | {wall / wall_1:.2f} | {cpu:.0f} | {cpu / cpu_1:.2f} | "
            f"{max(run['rss'] for run in found) / 1024:.0f} | {median(found, 'syncs'):,.0f} |"
        )
    return lines


def breakdown(bench: Bench, repeats: int) -> list[str]:
    """Where the time goes."""
    floor = [bench.ours("calls", 1000) for _ in range(repeats)]
    spent = {durability: [bench.ours("steps", 1000, durability) for _ in range(repeats)] for durability in DURABILITIES}
    hooks = [bench.ours("hooks", 1000) for _ in range(repeats)]
    lines = [
        "",
        "## Where the time goes",
        "",
        f"1,000 jobs in one thread: microseconds a job from one hook to the next, the least of {repeats} runs. `power` "
        "has nobody to share its syncs with here.",
        "",
        "| from this step on | " + " | ".join(f"`{durability}`" for durability in DURABILITIES) + " |",
        "|---|--:|--:|--:|",
    ]
    names = sorted(spent["power"][0], key=lambda name: -least(spent["process"], name))
    for name in names:
        values = [least(spent[durability], name) for durability in DURABILITIES]
        if max(values) >= 0.5:
            lines.append(f"| {name} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    totals = [sum(least(spent[durability], name) for name in names) for durability in DURABILITIES]
    lines.append("| all | " + " | ".join(f"{value:.1f}" for value in totals) + " |")
    lines += [
        "",
        "The bare system calls that a job needs, in a loop of their own: `none` needs none, `process` those of the "
        "marker, `power` those of the journal too.",
        "",
        "| calls | microseconds |",
        "|---|--:|",
    ]
    lines += [f"| {name} | {least(floor, name):.1f} |" for name in floor[0]]
    cost, places = least(hooks, "cost"), least(hooks, "places")
    share = cost / totals[DURABILITIES.index("process")] * 100
    lines += [
        "",
        f"Hooks with nothing attached: {places:.0f} places a job, {cost:.2f} microseconds, {share:.2f} % of `process`.",
    ]
    return lines


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        _, _, what, jobs, durability, folder = sys.argv
        print(json.dumps(CHILDREN[what](folder, int(jobs), durability)))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", default=tempfile.gettempdir())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    bench = Bench(options.dir)
    stat = subprocess.run(["stat", "-f", "-c", "%T", options.dir], capture_output=True, text=True, check=False)
    head = [
        "# The cost of an empty job",
        "",
        f"`python benchmarks/loader.py`: {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start, "
        f"file system {stat.stdout.strip()}, Python {platform.python_version()}, {WORKERS} workers.",
        "",
    ]
    print("\n".join(head))
    for section in (
        lambda: side_by_side(bench, options.repeats, options.quick),
        lambda: breakdown(bench, options.repeats),
        lambda: growth(bench, options.repeats, options.quick),
    ):
        print("\n".join(section()), flush=True)


if __name__ == "__main__":
    main()
