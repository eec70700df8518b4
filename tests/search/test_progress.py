"""How far a search is: an estimate that ends at the end."""

from __future__ import annotations

import published as p
import pytest

from harness.search import Dpor
from harness.search.explore import Progress, explore
from harness.search.runner import Runner


def estimates(program) -> list[float]:
    seen: list[float] = []

    def look(progress: Progress) -> None:
        assert progress.done is not None
        seen.append(progress.done)

    with Runner(program) as runner:
        explore(runner, Dpor(), confirm=False, progress=look)
    return seen


@pytest.mark.parametrize("program", [p.readers(5), p.last_zero(5), p.control_flow, p.locked_increments(3)])
def test_nothing_is_left_at_the_end(program) -> None:
    assert estimates(program)[-1] == pytest.approx(1.0)


def test_it_is_always_a_part_of_the_whole() -> None:
    assert all(0.0 < done <= 1.0 + 1e-9 for done in estimates(p.last_zero(6)))


def test_it_never_falls_where_branches_are_alike() -> None:
    seen = estimates(p.readers(4))
    assert seen[len(seen) // 2 :] == sorted(seen[len(seen) // 2 :])
