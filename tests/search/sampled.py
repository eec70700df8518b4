"""Programs with a known number of interleavings, and how to sample them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable

from published import Program, together

from harness import step
from harness.runtime import Execution
from harness.search import Strategy
from harness.search.explore import explore
from harness.search.runner import Runner


def window(length: int, depth: int = 2) -> Program:
    """Fails only if a writer and a reader are held ``depth - 1`` times in turn: a bug of this depth.

    The writer sets x to 1, 2, ...; the reader does ``length`` reads, which must see 1, then as many that must see 2,
    and so on. So the writer is held before it writes 2, then the reader before its next reads, and so on. At the depths
    1 and 2 there is one block of reads, at 3 and 4 there are two.
    """

    def program() -> None:
        memory, seen = {"x": 0}, []
        blocks = (depth + 1) // 2

        def write() -> None:
            for value in range(1, depth // 2 + 2):
                step("x")
                memory["x"] = value

        def read() -> None:
            for _ in range(blocks * length):
                step("x", "read")
                seen.append(memory["x"])

        together(write, read)
        assert seen != [value for value in range(1, blocks + 1) for _ in range(length)], "held in turn"

    return program


def head_start(length: int) -> Program:
    """Fails only if a task does all its ``length`` reads before another does its one write: depth 1."""

    def program() -> None:
        memory, seen = {"x": 0}, []

        def write() -> None:
            step("x")
            memory["x"] = 1

        def read() -> None:
            for _ in range(length):
                step("x", "read")
                seen.append(memory["x"])

        together(write, read)
        assert any(seen), "the reader was first, to the end"

    return program


def hits(program: Program, strategy: Strategy) -> int:
    """In how many of its executions a strategy makes a program fail."""
    return sum(bool(failures) for failures in sampled(program, strategy, lambda run: tuple(run.failures)).elements())


def sampled(program: Program, strategy: Strategy, look: Callable[[Execution], Hashable]) -> Counter[Hashable]:
    """How often each thing was seen that ``look`` makes of an execution."""
    seen: Counter[Hashable] = Counter()

    def visit(execution: Execution) -> None:
        seen[look(execution)] += 1

    with Runner(program) as runner:
        explore(runner, strategy, visit=visit, confirm=False)
    return seen


def touching(resource: str) -> Callable[[Execution], tuple[str, ...]]:
    """The order in which tasks touch a resource of `harness.step`."""
    name = f"step {resource}"
    return lambda execution: tuple(s.task.key for s in execution.steps if s.resource == name)
