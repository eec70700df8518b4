"""The same program under the same seed takes the same steps: twice, in other processes, on every Python.

The recording is the same file for all versions of Python; the test runs under each of them.
"""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import recorded

HERE = Path(__file__).parent
RECORDING = (HERE / "traces.txt").read_text()


def assert_as_recorded(traces):
    lines = difflib.unified_diff(RECORDING.splitlines(), traces.splitlines(), "recorded", "now", lineterm="")
    difference = "\n".join(list(lines)[:40])
    assert not difference, f"{difference}\nif meant, record again, as recorded.py says"


def test_executions_are_as_recorded():
    assert_as_recorded(recorded.record())


def test_twice_in_a_process_is_the_same():
    assert recorded.record() == recorded.record()


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_order_of_hashes_does_not_matter(seed):
    root = str(HERE.parent.parent)
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}
    found = subprocess.run(
        [sys.executable, str(HERE / "recorded.py")], capture_output=True, text=True, env=environment, check=True
    )
    assert_as_recorded(found.stdout)
