"""What carries a task: a fiber (greenlet), or an OS thread parked at a lock of its own.

A switch of fibers costs well under a microsecond. OS threads are for code that must own its thread. Both are pooled,
and the steps, traces and tokens of a program are the same on both.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from typing import Any, Protocol

import greenlet

from . import control

# bound before anybody patches them: what carries a task is not under its control
_allocate = _thread.allocate_lock
_start = _thread.start_new_thread


class Vehicle(Protocol):
    """Carries tasks; exactly one of them runs at a time."""

    name: str

    def carry(self, body: Callable[[], Any]) -> Any:
        """A carrier that will run ``body`` when first switched to; ``body`` returns the carrier to go to next."""

    def switch(self, carrier: Any) -> None:
        """Stop the current carrier here and go on in ``carrier``."""

    def home(self) -> Any:
        """The carrier of the code that calls this."""

    def close(self) -> None:
        """Let go of what is pooled."""


class Exit:
    """The carrier that a forked child goes to when its task is over, on any vehicle."""

    def switch(self) -> None:
        """End the process."""
        os._exit(0)

    def go(self, _: object) -> None:
        """End the process."""
        os._exit(0)


class _Fiber:
    """A pooled greenlet: runs one body after another."""

    __slots__ = ("body", "greenlet")

    def __init__(self, pool: list[_Fiber]) -> None:
        self.body: Callable[[], Any] | None = None
        self.greenlet = greenlet.greenlet(lambda: self._loop(pool))

    def _loop(self, pool: list[_Fiber]) -> None:
        while True:
            body = self.body
            assert body is not None
            self.body = None
            target = body()
            del body
            pool.append(self)
            target.switch()


class FiberVehicle:
    """Every task on a greenlet of the exploring thread."""

    name = "fiber"

    def __init__(self) -> None:
        self._pool: list[_Fiber] = []

    def carry(self, body: Callable[[], Any]) -> Any:
        """A greenlet that will run ``body``."""
        fiber = self._pool.pop() if self._pool else _Fiber(self._pool)
        fiber.body = body
        return fiber.greenlet

    def switch(self, carrier: Any) -> None:
        """Go on in another greenlet; returns when somebody comes back."""
        carrier.switch()

    def home(self) -> Any:
        """The greenlet that runs now."""
        return greenlet.getcurrent()

    def close(self) -> None:
        """Nothing to end: a fiber that waits for work holds nothing."""
        self._pool.clear()


class _Carrier:
    """An OS thread that runs one body after another, each time somebody switches to it."""

    __slots__ = ("body", "started", "turn")

    def __init__(self) -> None:
        self.body: Callable[[], Any] | None = None
        self.started = False
        self.turn = _allocate()
        self.turn.acquire()

    def loop(self, pool: list[_Carrier]) -> None:
        while True:
            self.turn.acquire()
            if self.body is None:  # the vehicle is being left
                return
            control.take_over()
            body, self.body = self.body, None
            target = body()
            del body
            pool.append(self)
            target.go(pool)

    def go(self, pool: list[_Carrier]) -> None:
        """Let this thread run."""
        if not self.started and self.body is not None:
            self.started = True
            _start(_run, (self, pool))
        self.turn.release()


class ThreadVehicle:
    """Every task on an OS thread of its own; one of them runs at a time."""

    name = "thread"

    def __init__(self) -> None:
        self._pool: list[_Carrier] = []
        self._home = _Carrier()

    def carry(self, body: Callable[[], Any]) -> Any:
        """An OS thread that will run ``body``."""
        carrier = self._pool.pop() if self._pool else _Carrier()
        carrier.body = body
        return carrier

    def switch(self, carrier: Any) -> None:
        """Let another thread run; returns when it is our turn again."""
        here = _here.get(_thread_ident(), self._home)
        carrier.go(self._pool)
        here.turn.acquire()
        control.take_over()

    def home(self) -> Any:
        """The carrier of the exploring thread."""
        return self._home

    def close(self) -> None:
        """End the threads that wait for work."""
        for carrier in self._pool:
            if carrier.started:
                carrier.body = None
                carrier.turn.release()
        self._pool.clear()


_thread_ident = _thread.get_ident
_here: dict[int, _Carrier] = {}


def _run(carrier: _Carrier, pool: list[_Carrier]) -> None:
    ident = _thread_ident()
    _here[ident] = carrier
    try:
        carrier.loop(pool)
    finally:
        del _here[ident]


VEHICLES: dict[str, type[FiberVehicle] | type[ThreadVehicle]] = {"fiber": FiberVehicle, "thread": ThreadVehicle}
