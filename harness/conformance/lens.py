"""From steps to the words of the contract, and what an observer would see: the same for every adapter."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..contract.events import (
    CALLBACK,
    EXPIRED,
    FINALISE,
    FINISHED,
    LOOK,
    MARKER,
    MARKER_GONE,
    RETURN,
    STATE,
    TOUCH,
    WAKE,
    Event,
)
from ..contract.events import RUN as RUN_EVENT
from ..errors import AdapterError
from ..trace import FORCED, GO, READ, WRITE, Operation
from .adapter import World

RETURNED = "task run of the loader"
"""The resource that is written when the call that runs the loader returns: no more than bookkeeping."""

_REMOVALS = ("unlink", "remove", "rmdir", "remove tree")
_MOVES = ("rename", "replace", "link")


class WorldView:
    """`contract.View` over a world."""

    def __init__(
        self, world: World, root: str, jobs: tuple[str, ...], raised: Callable[[], BaseException | None]
    ) -> None:
        self._world = world
        self._root = root
        self.jobs = jobs
        self.raised = raised

    def _attribute(self, job: str, name: str) -> object:
        held = self._world.job(job)
        return None if held is None else vars(held).get(name)

    def state(self, job: str) -> str | None:
        """The published state."""
        state = self._attribute(job, self._world.layout.state)
        return None if state is None else str(state)

    def finished(self, job: str) -> bool:
        """Whether the finish time is set."""
        return self._attribute(job, self._world.layout.finished) is not None

    def evidence(self, job: str) -> bool:
        """Whether a restart would find it done."""
        return self._ask("evidence", job)

    def marker(self, job: str) -> bool:
        """Whether its marker is there."""
        return self._ask("marker", job)

    def _ask(self, what: str, job: str) -> bool:
        """What the adapter says; if it raises, that is no fault of the loader."""
        try:
            return bool(getattr(self._world, what)(job))
        except Exception as error:
            raise AdapterError(f"{what}({job!r}) of the adapter raised {type(error).__name__}: {error}") from error

    def location(self) -> str:
        """Where the package is."""
        here = os.path.isdir(os.path.join(self._root, self._world.layout.package))
        there = os.path.isdir(os.path.join(self._root, self._world.layout.finalised))
        return "both" if here and there else "normalized" if here else "loaded" if there else "none"

    def resources(self, kind: str) -> tuple[str, ...]:
        """Resources that events of a kind write."""
        if kind == RETURN:
            return (RETURNED,)
        name = {STATE: self._world.layout.state, FINISHED: self._world.layout.finished}.get(kind)
        return tuple(f"attr {job}.{name}" for job in self.jobs) if name else ()

    def destination_error(self, job: str) -> BaseException | None:
        """What the destination raised first."""
        return self._world.script.errors.get(job)

    def callback_error(self, job: str) -> BaseException | None:
        """What the callback raised."""
        return self._world.script.callback_errors.get(job)

    def recorded_error(self, job: str) -> BaseException | None:
        """What the job shows."""
        found = self._attribute(job, self._world.layout.error)
        return found if isinstance(found, BaseException) else None

    def left_with(self, job: str) -> BaseException | None:
        """What left its worker."""
        return self._world.script.left_with.get(job)

    def commits(self, job: str) -> int:
        """How often it was committed."""
        return self._world.script.commits[job]


class Lens:
    """Translates the steps of one world."""

    def __init__(self, world: World) -> None:
        self._layout = world.layout
        self._running = world.script.running
        self._below = world.layout.package + "/"

    def __call__(self, step: Operation) -> Event | None:
        """The event that a step is, if it is one."""
        if not step.accesses:
            return None
        resource = step.accesses[0][0]
        if step.outcome is not GO:
            waits = step.kind == "acquire" and resource.startswith("semaphore") and not step.task.path
            return Event(EXPIRED, "", step) if waits and step.outcome is FORCED else None
        if resource.startswith("file ") or resource.startswith("data "):
            return self._file(step)
        if resource.startswith("attr "):
            return self._attribute(step, resource)
        if resource.startswith("step run "):
            return Event(RUN_EVENT, resource[9:], step)
        if resource.startswith("step callback "):
            return Event(CALLBACK, resource[14:], step)
        if resource == RETURNED:
            return Event(RETURN, "", step)
        if step.kind == "release" and resource.startswith("semaphore") and step.task in self._running:
            return Event(WAKE, self._running[step.task], step)
        return None

    def _attribute(self, step: Operation, resource: str) -> Event | None:
        job, _, name = resource[5:].rpartition(".")
        if step.kind == "write":
            kind = {self._layout.state: STATE, self._layout.finished: FINISHED}.get(name)
            return Event(kind, job, step) if kind else None
        return Event(LOOK, job, step) if name == self._layout.state else None

    def _file(self, step: Operation) -> Event | None:
        written = [name[5:] for name, mode in step.accesses if mode == WRITE and name[:5] in ("file ", "data ")]
        if not written or step.accesses[0][1] == READ:
            return None
        path = written[-1] if step.kind in _MOVES else written[0]
        if step.kind in _MOVES and written[0] == self._layout.package:
            return Event(FINALISE, "", step, path) if path == self._layout.finalised else None
        job = self._layout.marker_of(path)
        if job is not None:
            return Event(MARKER_GONE if step.kind in _REMOVALS else MARKER, job, step, path)
        for touched in written:
            if touched.startswith(self._below) or touched == self._layout.package:
                return Event(TOUCH, "", step, touched)
        return None
