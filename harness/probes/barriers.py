"""`threading.Barrier` under control."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .. import model
from ..runtime import control
from ..runtime.execution import Execution
from ..trace import Operation
from .binding import Binding, Kind, intruded, steer, wait
from .patching import Patches

BARRIER = Kind("barrier", lambda real: model.Barrier(real._parties))


def _wait(execution: Execution, self: Any, timeout: float | None = None) -> int:
    if timeout is None:
        timeout = self._timeout
    binding = BARRIER.of(execution, self)
    barrier: model.Barrier = binding.model
    wait(execution, "arrive", binding, barrier.open_for_arrivals, None)
    if barrier.broken():
        raise threading.BrokenBarrierError
    index = barrier.arrive()
    try:
        if index + 1 == barrier.parties:
            _open(execution, self, binding)
        else:
            if not wait(execution, "pass", binding, barrier.may_pass, timeout, spoils=True):
                if barrier.acting:  # the last one has come: too late to break it
                    wait(execution, "pass", binding, barrier.at_rest, None)
                if not barrier.may_pass():
                    barrier.abort()
            if barrier.gone():
                raise threading.BrokenBarrierError
    finally:
        barrier.leave()
    return index


def _open(execution: Execution, self: Any, binding: Binding) -> None:
    """The last to arrive: run the action, while nobody else can get in, and let everybody pass."""
    barrier: model.Barrier = binding.model
    if not self._action:
        barrier.release()
        return
    arrival = len(execution.steps)
    barrier.acting = True
    try:
        self._action()
    except BaseException:
        barrier.abort()
        raise
    else:
        barrier.release()
    finally:
        if len(execution.steps) > arrival:  # the action made steps: what follows is one of its own
            execution.perform(Operation("open", binding.write))
        barrier.acting = False


def _changing(kind: str, change: Callable[[model.Barrier], None]) -> Any:
    def act(execution: Execution, self: Any) -> None:
        binding = BARRIER.of(execution, self)
        wait(execution, kind, binding, binding.model.at_rest, None)
        change(binding.model)

    return act


def _look(patches: Patches, name: str, answer: Callable[[model.Barrier], object]) -> None:
    original = threading.Barrier.__dict__[name]

    def get(self: Any) -> Any:
        execution = control.current()
        if execution is None:
            intruded(self)
            return original.fget(self)
        binding = BARRIER.of(execution, self)
        execution.perform(Operation(name, binding.read))
        return answer(binding.model)

    patches.method(threading.Barrier, name, lambda _: property(get, doc=original.__doc__))


def install(patches: Patches) -> None:
    """Add barriers to ``patches``."""
    BARRIER.made_by(patches, threading.Barrier)
    steer(patches, threading.Barrier, "wait", _wait)
    steer(patches, threading.Barrier, "reset", _changing("reset", model.Barrier.reset))
    steer(patches, threading.Barrier, "abort", _changing("abort", model.Barrier.abort))
    _look(patches, "n_waiting", model.Barrier.waiting)
    _look(patches, "broken", model.Barrier.broken)
