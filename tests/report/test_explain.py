"""A failure of `harness.explore`, as its user reads it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest

import harness


def both(first: Callable[[], None], second: Callable[[], None]) -> None:
    threads = [threading.Thread(target=each, name=name) for each, name in ((first, "left"), (second, "right"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lost_update() -> None:
    box = {"n": 0}

    def add() -> None:
        harness.step("box n", "read")
        seen = box["n"]
        harness.step("box n", "write")
        box["n"] = seen + 1

    both(add, add)
    assert box["n"] == 2, f"an update is lost: {box['n']}"


def two_locks() -> None:
    one, other = threading.Lock(), threading.Lock()

    def left() -> None:
        with one, other:
            pass

    def right() -> None:
        with other, one:
            pass

    both(left, right)


def chatty() -> None:
    """Many steps that nobody else could notice, and one race."""
    lost_update_in(50)


def lost_update_in(noise: int) -> None:
    box = {"n": 0}

    def add() -> None:
        own = f"own of {threading.current_thread().name}"
        for _ in range(noise):
            harness.step(own, "write")
        seen = box["n"]
        harness.step("box n", "write")
        box["n"] = seen + 1

    both(add, add)
    assert box["n"] == 2


def explained(program: Callable[[], object]) -> list[str]:
    result = harness.explore(program)
    assert result.failure is not None
    return result.failure.explain().splitlines()


def test_it_begins_with_what_is_broken_and_ends_with_the_line_to_paste() -> None:
    lines = explained(lost_update)
    assert lines[0] == "[exception] AssertionError in lost_update (test_explain.py): test_explain.lost_update"
    assert re.fullmatch(
        r"  replay:   harness\.replay\(program, \"test_explain/lost_update/1\.\w+\.\w+\.t1\"\)", lines[-1]
    )


def test_the_line_to_paste_fails_again() -> None:
    token = explained(lost_update)[-1].split('"')[1]
    result = harness.replay(lost_update, token)
    assert result.failure is not None
    assert "an update is lost: 1" in result.failure.error


def test_the_steps_that_race_are_there_with_their_place() -> None:
    lines = explained(lost_update)
    steps = [line.split() for line in lines if "report/test_explain.py:" in line and "box n" in line]
    assert [(words[-6], words[-5]) if "<-" in words else tuple(words[1:3]) for words in steps] == [
        ("left", "read"),
        ("right", "read"),
        ("right", "write"),
        ("left", "write"),
    ]


def test_a_preemption_says_what_the_other_task_was_about_to_do() -> None:
    (line,) = [line for line in explained(lost_update) if "preempts" in line]
    assert re.match(r" +! +\d+  right +begin +<- preempts left before its write of box n$", line)


def test_steps_that_no_other_task_could_notice_are_left_out_and_counted() -> None:
    lines = explained(chatty)
    assert not any("own of" in line for line in lines)
    (count,) = [int(line.split()[0].strip("(")) for line in lines if "other steps left out" in line]
    assert count >= 100


def test_the_traceback_has_only_the_programs_own_frames() -> None:
    lines = explained(lost_update)
    start = lines.index("  raised in (innermost last):")
    assert re.match(r"    report/test_explain\.py:\d+ lost_update   assert box", lines[start + 1])
    assert not any("/harness/" in line for line in lines)


def test_a_deadlock_says_who_waits_for_what_held_by_whom_and_where() -> None:
    lines = explained(two_locks)
    assert lines[0] == "[deadlock] 3 tasks wait for ever: test_explain.two_locks"
    table = lines[2:5]
    assert re.match(r"  main +waits: join task 1 +needs left +at report/test_explain\.py:\d+$", table[0])
    assert re.match(r"  left +waits: acquire lock 2 +held by right +at report/test_explain\.py:\d+$", table[1])
    assert re.match(r"  right +waits: acquire lock 1 +held by left +at report/test_explain\.py:\d+$", table[2])
    assert "  expected: every task ends" in lines


def test_a_failed_assertion_carries_the_explanation() -> None:
    with pytest.raises(harness.ExplorationFailed, match=r"preempts left before its write of box n"):
        harness.explore(lost_update).raise_if_failed()
