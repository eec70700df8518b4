from __future__ import annotations

import threading

from sameness import same

import harness


@same
def test_a_timer_fires():
    seen = []
    timer = threading.Timer(0.01, lambda *a, **k: seen.append((a, k)), [1], {"x": 2})
    timer.start()
    timer.join()
    return seen, timer.finished.is_set()


@same
def test_a_cancelled_timer_does_not_fire():
    seen = []
    timer = threading.Timer(60, seen.append, [1])
    timer.start()
    timer.cancel()
    timer.join()
    return seen


def test_a_timer_may_fire_before_its_cancel():
    seen = set()

    def program():
        fired = []
        timer = threading.Timer(60, fired.append, [1])
        timer.start()
        timer.cancel()
        timer.join()
        seen.add(tuple(fired))

    harness.explore(program)
    assert seen == {(), (1,)}
