"""Attributes of a named class are steps for code that nobody named, too."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

import harness
from tests.probes.instrumented import Modules, in_threads


class Plain:
    pass


class Counter:
    def __init__(self):
        self.value = 0

    def up(self):
        self.value += 1


@dataclass
class Data:
    value: int = 0


@dataclass(slots=True)
class Slotted:
    value: int = 0


class Guarded:
    """Has hooks of its own, and a missing attribute."""

    def __init__(self):
        self.value = 0

    def __getattr__(self, name):
        if name == "twice":
            return self.value * 2
        raise AttributeError(name)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


CLASSES = [Plain, Counter, Data, Slotted, Guarded]


def counting(cls, lock):
    def program():
        counter, held = cls(), threading.Lock()
        counter.value = 0

        def up():
            if lock:
                held.acquire()
            counter.value += 1
            if lock:
                held.release()

        in_threads(up, up)
        assert counter.value == 2

    return program


@pytest.mark.parametrize("cls", CLASSES)
def test_a_race_in_the_program_is_found(cls):
    program = counting(cls, lock=False)
    result = harness.explore(program, instrument=[cls])
    assert str(result.verdict) == "BROKEN"
    again = harness.replay(program, result.failure.token, instrument=[cls])
    assert again.failure.error == result.failure.error


@pytest.mark.parametrize("cls", CLASSES)
def test_a_lock_in_the_program_is_a_proof(cls):
    result = harness.explore(counting(cls, lock=True), instrument=[cls])
    assert (str(result.verdict), result.executions) == ("PROVED", 2)


def test_instrumented_code_announces_an_access_once():
    def steps(targets):
        result = harness.explore(lambda: Counter().up(), instrument=targets, max_executions=1)
        return result.exploration.steps

    assert steps([Counter]) == steps([Counter.__init__, Counter.up])


def test_a_deleted_attribute():
    def program():
        counter = Counter()
        in_threads(lambda: delattr(counter, "value"), lambda: getattr(counter, "value"))  # noqa: B009

    assert "AttributeError" in harness.explore(program, instrument=[Counter]).failure.error


def test_what_is_missing_is_still_looked_up():
    def program():
        guarded = Guarded()
        in_threads(lambda: setattr(guarded, "value", 2), lambda: guarded.twice in (0, 4) or 1 // 0)

    result = harness.explore(program, instrument=[Guarded])
    assert result.ok
    assert result.executions == 2


def test_a_subclass_of_thread():
    class Worker(threading.Thread):
        def __init__(self, counter):
            super().__init__()
            self.counter = counter

        def run(self):
            self.counter.value += 1

    def program():
        counter = Counter()
        workers = [Worker(counter), Worker(counter)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert counter.value == 2

    assert str(harness.explore(program, instrument=[Worker]).verdict) == "BROKEN"
    assert str(harness.explore(program, instrument=[Counter]).verdict) == "BROKEN"


def test_a_class_of_a_named_module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    modules = Modules(tmp_path)
    module = modules("class Box:\n    def __init__(self): self.value = 0\n")
    try:
        assert str(harness.explore(counting(module.Box, lock=False), instrument=[module]).verdict) == "BROKEN"
    finally:
        modules.forget()


def test_classes_are_as_they_were():
    before = {cls: dict(vars(cls)) for cls in CLASSES}
    for cls in CLASSES:
        harness.explore(counting(cls, lock=False), instrument=[cls])
    assert {cls: dict(vars(cls)) for cls in CLASSES} == before
