"""Before a clean result is believed, a racy probe must fail in the same process."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import harness
from harness.search import selfcheck


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    selfcheck.distrust.cache_clear()
    yield
    selfcheck.distrust.cache_clear()


def clean() -> None:
    lock = threading.Lock()

    def body() -> None:
        with lock:
            pass

    threads = [threading.Thread(target=body) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("vehicle", ["fiber", "thread"])
def test_the_probe_fails_as_it_must(vehicle: str) -> None:
    assert selfcheck.distrust(vehicle) == ""


def test_a_clean_program_is_believed() -> None:
    assert harness.explore(clean).verdict is harness.Verdict.PROVED


def test_nothing_is_believed_where_the_probe_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def tame() -> None:
        harness.step("number", "read")

    monkeypatch.setattr(selfcheck, "lost_update", tame)
    result = harness.explore(clean)
    assert result.verdict is harness.Verdict.INCONCLUSIVE
    assert "self-check failed" in result.reasons[0]


def test_a_time_out_left_out_is_a_stated_bound() -> None:
    """The wait could expire before the event is set; the one trace that runs does not show that."""

    def program() -> None:
        event = threading.Event()
        seen: list[bool] = []
        thread = threading.Thread(target=lambda: seen.extend((event.wait(1.0), event.wait(1.0))))
        thread.start()
        harness.step("x")
        event.set()
        thread.join()
        assert seen != [False, False]

    assert harness.explore(program, timeouts=0).verdict is harness.Verdict.BOUNDED
    assert harness.explore(program, timeouts=2).verdict is harness.Verdict.BROKEN


def test_a_bound_on_preemptions_is_never_ignored() -> None:
    result = harness.explore(clean, preemptions=0)
    assert result.bounds == "at most 0 preemptions"


def test_a_bound_that_was_never_met_is_none() -> None:
    assert harness.explore(clean, preemptions=9).verdict is harness.Verdict.PROVED
