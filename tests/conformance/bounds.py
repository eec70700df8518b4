"""Short searches, and what they say in one word."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

from harness.conformance.adapter import Implementation
from harness.conformance.registry import implementation
from harness.conformance.scenario import find
from harness.conformance.verify import Report, verify
from harness.search import Bounded
from harness.verdict import Verdict


@functools.cache
def searched(name: str, scenario: str, executions: int | None = None) -> Report:
    """One implementation in one scenario, every trace of it, or only the first few."""
    found: Implementation = implementation(name)
    return verify(found, find(scenario), settle=None, max_executions=executions)


def bounded(name: str, scenario: str, preemptions: int) -> Report:
    """One implementation in one scenario with every schedule of at most so many preemptions; each is run once."""
    found: Implementation = implementation(name)
    return verify(found, find(scenario), strategy=Bounded(preemptions), settle=None)


def broken(report: Report) -> set[str]:
    """Rules that are broken, ``run`` among them."""
    return {rule.rule for rule in report.rules if rule.verdict is Verdict.BROKEN}


def holding(report: Report) -> set[str]:
    """Rules on which a claim is made."""
    return {rule.rule for rule in report.rules if rule.verdict in (Verdict.PROVED, Verdict.BOUNDED)}


_REPLAY = """
import sys
from harness.conformance.suite import replay
for failure in replay(sys.argv[1]).failures:
    print(failure.rule or "run", failure.error, sep=": ")
"""


def replayed(token: object, seed: str = "7") -> list[str]:
    """What breaks when a token is replayed in a process of its own, with another hash seed."""
    done = subprocess.run(
        [sys.executable, "-c", _REPLAY, str(token)],
        capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
