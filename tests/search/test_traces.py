"""One execution for each Mazurkiewicz trace, exactly: numbers from papers, or worked out in the program's docstring."""

from __future__ import annotations

from collections.abc import Callable

import published as p
import pytest

from harness.search import Dpor
from harness.search.explore import Exploration, explore
from harness.search.runner import Runner

COUNTS = {
    "readers(2)": (p.readers(2), 4),
    "readers(8)": (p.readers(8), 256),
    "last_zero(5)": (p.last_zero(5), 64),
    "last_zero(7)": (p.last_zero(7), 320),
    "atomic_increments(3)": (p.atomic_increments(3), 6),
    "atomic_increments(5)": (p.atomic_increments(5), 120),
    "atomic_increments(2, 3 variables)": (p.atomic_increments(2, 3), 8),
    "atomic_increments(3, 3 variables)": (p.atomic_increments(3, 3), 216),
    "read_then_write(2)": (p.read_then_write(2), 4),
    "read_then_write(3)": (p.read_then_write(3), 36),
    "read_then_write(4)": (p.read_then_write(4), 576),
    "locked_increments(2)": (p.locked_increments(2), 2),
    "locked_increments(4)": (p.locked_increments(4), 24),
    "control_flow": (p.control_flow, 5),
    "indexer(11)": (p.indexer(11), 1),
    "indexer(12)": (p.indexer(12), 8),
    "filesystem(14)": (p.filesystem(14), 2),
    "filesystem(17)": (p.filesystem(17), 16),
    "lock_order_inversion": (p.lock_order_inversion, 3),
    "two_stage": (p.two_stage, 3),
    "producer_consumer(2)": (p.producer_consumer(2), 2),
    "producer_consumer(4)": (p.producer_consumer(4), 14),
    "store_buffer": (p.store_buffer, 3),
    "writers(3)": (p.writers(3), 24),
}


def search(program: Callable[[], None]) -> Exploration:
    with Runner(program) as runner:
        return explore(runner, Dpor(), confirm=False)


@pytest.mark.parametrize("name", COUNTS)
def test_runs_one_execution_a_trace(name: str) -> None:
    program, traces = COUNTS[name]
    found = search(program)
    assert (found.executions, found.cut) == (traces, 0)


@pytest.mark.slow
def test_last_zero_of_ten() -> None:
    found = search(p.last_zero(10))
    assert (found.executions, found.cut) == (3328, 0)


@pytest.mark.slow
def test_indexer_of_fifteen() -> None:
    found = search(p.indexer(15))
    assert (found.executions, found.cut) == (4096, 0)


def test_count_does_not_depend_on_the_order_of_tasks() -> None:
    def other_way_round() -> None:
        array = [0] * 4

        def write(j: int) -> Callable[[], None]:
            def body() -> None:
                p.step(f"a[{j - 1}]", "read")
                value = array[j - 1]
                p.step(f"a[{j}]")
                array[j] = value + 1

            return body

        def look() -> None:
            i = 3
            while True:
                p.step(f"a[{i}]", "read")
                if array[i] == 0:
                    break
                i -= 1

        p.together(*(write(j) for j in (3, 2, 1)), look)

    assert search(other_way_round).executions == search(p.last_zero(3)).executions == 12
