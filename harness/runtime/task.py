"""A task: a logical thread under control."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from ..trace import GO, Operation


class Option:
    """One thing that may happen next: a task does its pending operation, or its timed wait expires."""

    __slots__ = ("operation", "outcome", "task")

    def __init__(self, task: Task, operation: Operation, outcome: str) -> None:
        self.task = task
        self.operation = operation
        self.outcome = outcome

    def __repr__(self) -> str:
        return f"<{self.task.name}: {self.operation.kind} {self.operation.resource} {self.outcome}>"


class Task:
    """A logical thread. Its key is its path in the tree of who started whom, so it is the same in every execution.

    Attributes:
        key: ``0`` for the main task, ``2.1`` for the first task started by the second task that main started.
        path: the same as numbers; tasks are offered in this order.
        name: what people call it: the thread's name.
        pending: the operation that it announced and waits to do.
        going: the option that it does it.
        thread: the ``threading.Thread`` it stands for, if any.
    """

    __slots__ = (
        "body",
        "born",
        "carrier",
        "children",
        "clock",
        "clock_reads",
        "context",
        "counts",
        "daemon",
        "finished",
        "going",
        "key",
        "last_expiry",
        "locals",
        "name",
        "path",
        "pending",
        "refusals",
        "thread",
        "window_clock",
        "window_start",
    )

    def __init__(self, path: tuple[int, ...], name: str, body: Callable[[], object], daemon: bool = False) -> None:
        self.path = path
        self.key = ".".join(map(str, path)) or "0"
        self.name = name
        self.body = body
        self.daemon = daemon
        self.born = -1  # the step in which it was started
        self.finished = False
        self.announce(Operation("begin"))
        self.carrier: Any = None
        self.thread: Any = None
        self.children = 0
        self.counts: dict[str, int] = {}
        self.locals: dict[int, dict[str, Any]] = {}
        self.context = contextvars.Context()
        self.refusals = 0  # operations refused since its world ended
        self.clock = 0.0  # see `Times`
        self.clock_reads = 0
        self.window_clock = False  # whether it read the clock since its last timed wait expired
        self.window_start = 0  # index of its first step after its last expired timed wait
        self.last_expiry = -1  # where the window before that one began; -1: there was none

    def announce(self, operation: Operation) -> None:
        """What it wants to do next."""
        operation.task = self
        self.pending = operation
        self.going = Option(self, operation, GO)

    def dissolve(self) -> None:
        """Keep the name only."""
        self.body = self.carrier = self.thread = self.context = self.pending = self.going = None  # type: ignore[assignment]
        self.locals = {}

    def count(self, kind: str) -> int:
        """How many objects of this kind the task has made, this one included."""
        n = self.counts.get(kind, 0) + 1
        self.counts[kind] = n
        return n

    def object_name(self, kind: str) -> str:
        """A name for an object made by this task: stable from run to run."""
        n = self.count(kind)
        return f"{kind} {n}" if not self.path else f"{kind} {self.key}/{n}"

    def __repr__(self) -> str:
        return f"<task {self.key} {self.name}>"
