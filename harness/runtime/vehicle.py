"""What carries a task: a fiber (greenlet). A switch costs well under a microsecond; fibers are pooled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import greenlet


class Vehicle(Protocol):
    """Carries tasks; exactly one of them runs at a time."""

    name: str

    def carry(self, body: Callable[[], Any]) -> Any:
        """A carrier that will run ``body`` when first switched to; ``body`` returns the carrier to go to next."""

    def switch(self, carrier: Any) -> None:
        """Stop the current carrier here and go on in ``carrier``."""

    def home(self) -> Any:
        """The carrier of the code that calls this."""


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
