"""How famous bugs are told: the broken form is found and replayed, the fixed form is proved."""

from __future__ import annotations

import threading

import harness


def together(*targets):
    """Run each in a thread of its own, wait for all."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def broken(program, kind="exception", instrument=()):
    """The program fails so in some order, and its token shows the same again."""
    result = harness.explore(program, instrument=instrument)
    assert str(result.verdict) == "BROKEN", (result.verdict, result.reasons)
    assert result.failure.kind == kind, result.failure.explain()
    again = harness.replay(program, result.failure.token, instrument=instrument)
    assert (again.failure.kind, again.failure.error) == (kind, result.failure.error)
    return result.failure


def proved(program, instrument=()):
    """Every order of the program was run, and none fails."""
    result = harness.explore(program, instrument=instrument)
    assert str(result.verdict) == "PROVED", (result.verdict, result.bounds, result.reasons, result.failure)
    return result


def holds(program, instrument=()):
    """None fails; a loop that looks again and again is followed only so far."""
    result = harness.explore(program, instrument=instrument)
    assert result.ok, (result.verdict, result.bounds, result.reasons, result.failure)
    return result
