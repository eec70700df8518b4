"""Names of objects: reduction by them shows every outcome that two preemptions can show, on both vehicles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import harness
from harness import Verdict
from tests.probes.instrumented import Modules, in_threads

SOURCE = """
    slot = None
    boxes = {}
    class Box:
        def __init__(self): self.n = 0
    class Bare: n = 0
    def publish(kind):
        global slot
        if slot is None: slot = kind()
        slot.n += 1
        return slot.n
    def fill(d, key):
        if key not in d: d[key] = []
        d[key].append(len(d))
        return list(d[key])
    def up(box):
        box.n += 1
        return box.n
    def take(d, key):
        for k in d:
            if k == key: return d.pop(k, None)
    def order(d, key):
        d[key] = 1
        return list(d)
    def make():
        n = 0
        def up():
            nonlocal n
            n += 1
            return n
        return up
"""


@pytest.fixture
def m(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Modules(tmp_path)
    yield made(SOURCE)
    made.forget()


Scene = Callable[[Any], tuple[Callable[[], Any], Callable[[], Any]]]


def published(m: Any) -> Any:
    m.slot = None
    return lambda: m.publish(m.Box), lambda: m.publish(m.Box)


def published_without_a_constructor(m: Any) -> Any:
    m.slot = None
    return lambda: m.publish(m.Bare), lambda: m.publish(m.Bare)


def nested_containers(m: Any) -> Any:
    d: dict[str, Any] = {}
    return lambda: m.fill(d, "a"), lambda: m.fill(d, "a")


def insertion_order(m: Any) -> Any:
    d: dict[str, Any] = {}
    return lambda: m.order(d, "a"), lambda: m.order(d, "b")


def taken_out(m: Any) -> Any:
    d = {"a": 1, "b": 2}
    return lambda: m.take(d, "a"), lambda: m.take(d, "b") if len(d) else None


def captured(m: Any) -> Any:
    up = m.make()
    return up, up


def past_us(m: Any) -> Any:
    """Made after both threads began, by code that is not named, and handed over in its own way."""
    hidden: list[Any] = []
    harness.step("hidden", "read")

    def one() -> Any:
        harness.step("hidden")
        if not hidden:
            hidden.append(m.Bare())
        return m.up(hidden[0])

    return one, one


SCENES: list[Scene] = [
    published, published_without_a_constructor, nested_containers, insertion_order, taken_out, captured, past_us,
]  # fmt: skip


def outcomes(m: Any, scene: Scene, strategy: str, vehicle: str = "fiber") -> tuple[set[str], int, Verdict]:
    seen: set[str] = set()

    def program() -> None:
        results: dict[str, str] = {}
        one, other = scene(m)

        def run(name: str, act: Callable[[], Any]) -> None:
            try:
                results[name] = repr(act())
            except RuntimeError as error:  # changed while iterated
                results[name] = str(error)

        in_threads(lambda: run("a", one), lambda: run("b", other))
        seen.add(repr(sorted(results.items())))

    result = harness.explore(program, strategy=strategy, vehicle=vehicle, instrument=[m])
    return seen, result.executions, result.verdict


@pytest.mark.parametrize("scene", SCENES)
def test_reduction_shows_every_outcome(m: ModuleType, scene: Scene) -> None:
    without, _, verdict = outcomes(m, scene, "bounded")
    reduced, _, proved = outcomes(m, scene, "dpor")
    assert (verdict, proved) == (Verdict.BOUNDED, Verdict.PROVED)
    assert without <= reduced
    assert len(without) > 1, "nothing to tell apart"


@pytest.mark.parametrize("scene", SCENES[:3])
def test_threads_of_the_system_show_the_same(m: ModuleType, scene: Scene) -> None:
    assert outcomes(m, scene, "dpor", "thread") == outcomes(m, scene, "dpor")


def test_an_object_left_by_an_earlier_execution_does_not_change_names(m: ModuleType) -> None:
    def program() -> None:
        box = vars(m)["Box"]()
        m.boxes[len(m.boxes)] = box
        in_threads(lambda: m.up(box), lambda: m.up(box))
        assert box.n == 2

    result = harness.explore(program, instrument=[m])
    assert result.verdict is Verdict.BROKEN, result.reasons


def test_no_name_has_an_address_in_it(m: ModuleType) -> None:
    def program() -> None:
        m.slot = None
        box, d = m.Box(), {}
        threads = [threading.Thread(target=m.up, args=(box,)), threading.Thread(target=m.fill, args=(d, object()))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        raise AssertionError("see the steps")

    result = harness.explore(program, instrument=[m])
    assert result.failure is not None
    steps = result.failure.finding.execution.steps
    assert any("Box 1.n" in name for step in steps for name, _ in step.accesses)
    assert not any("0x" in f"{name} {step.detail}" for step in steps for name, _ in step.accesses)
