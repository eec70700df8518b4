"""Hold a model against the real thing: the same body under real threads and in every order under control."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

import harness


def outcome(body: Callable[[], Any]) -> tuple[str, str]:
    """What a body comes to: what it returns, or the type that it raises."""
    try:
        return ("returned", repr(body()))
    except Exception as error:
        return ("raised", type(error).__name__)


def agree(body: Callable[[], Any], timeouts: int = 0) -> None:
    """Assert that a body comes to the same in reality and in each schedule."""
    expected = outcome(body)
    for options in ({"strategy": "bounded", "preemptions": 1, "max_executions": 150},
                    {"strategy": "random", "max_executions": 30}):  # fmt: skip
        seen: list[tuple[str, str]] = []
        result = harness.explore(lambda: seen.append(outcome(body)), timeouts=timeouts, **options)  # noqa: B023
        if result.failure is not None:
            error = result.failure.finding.failure.exception
            raise AssertionError(
                result.failure.error + ("".join(traceback.format_exception(error)) if error is not None else "")
            )
        assert seen, result.reasons
        assert set(seen) == {expected}


def same(body: Callable[[], Any]) -> Callable[[], None]:
    """Make a test of a body: it comes to the same under control as in reality."""

    @functools.wraps(body)
    def test() -> None:
        agree(body)

    return test


def run(*targets: Callable[[], Any]) -> list[Any]:
    """Run functions in threads of their own; their results, in order."""
    import threading

    results: list[Any] = [None] * len(targets)

    def call(n: int) -> None:
        results[n] = targets[n]()

    threads = [threading.Thread(target=call, args=(n,)) for n in range(len(targets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
