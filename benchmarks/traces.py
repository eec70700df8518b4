"""Executions of `dpor` against published numbers of traces: ``python benchmarks/traces.py > benchmarks/traces.md``."""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "search"))

import published as p

from harness.search import Dpor
from harness.search.explore import explore
from harness.search.runner import Runner

PROGRAMS = {
    "readers(2)": (p.readers(2), 4),
    "readers(8)": (p.readers(8), 256),
    "lastzero(5)": (p.last_zero(5), 64),
    "lastzero(10)": (p.last_zero(10), 3328),
    "x += 1 atomically, 5 tasks": (p.atomic_increments(5), 120),
    "the same on 3 variables, 3 tasks": (p.atomic_increments(3, 3), 216),
    "read x, write x, 4 tasks": (p.read_then_write(4), 576),
    "lock, increment, unlock, 5 tasks": (p.locked_increments(5), 120),
    "control flow (POPL'14)": (p.control_flow, 5),
    "indexer(12)": (p.indexer(12), 8),
    "indexer(14)": (p.indexer(14), 512),
    "filesystem(14)": (p.filesystem(14), 2),
    "filesystem(18)": (p.filesystem(18), 32),
    "lock order inversion": (p.lock_order_inversion, 3),
    "two-stage lock": (p.two_stage, 3),
    "semaphore, 5 releases, 5 acquires": (p.producer_consumer(5), 42),
    "store buffer": (p.store_buffer, 3),
    "4 writers and a reader": (p.writers(4), 120),
}


def main() -> None:
    print("# Executions and traces\n")
    print(f"Made by `python benchmarks/traces.py`; Python {platform.python_version()}, {platform.machine()}.")
    print("*Cut*: executions given up because all that could follow had been seen. Times are of this one run.\n")
    print("| program | traces | executions | cut | steps | microseconds a step |")
    print("|---|--:|--:|--:|--:|--:|")
    wrong = 0
    for name, (program, traces) in PROGRAMS.items():
        with Runner(program) as runner:
            began = time.process_time()
            found = explore(runner, Dpor(), confirm=False)
            spent = time.process_time() - began
        wrong += found.executions != traces or found.cut > 0
        cost = spent / found.steps * 1e6
        print(f"| {name} | {traces} | {found.executions} | {found.cut} | {found.steps} | {cost:.1f} |", flush=True)
    if wrong:
        sys.exit(f"{wrong} programs ran another number of executions than they have traces")


if __name__ == "__main__":
    main()
