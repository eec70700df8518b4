"""From steps to the words of the contract, and what an observer would see: the same for every adapter."""

from __future__ import annotations

import os

from ..contract.events import (
    FINALISE,
    FINISHED,
    MARKER,
    MARKER_GONE,
    STATE,
    TOUCH,
    WAKE,
    Event,
)
from ..contract.events import RUN as RUN_EVENT
from ..errors import AdapterError
from ..trace import GO, READ, WRITE, Operation
from .adapter import World

_REMOVALS = ("unlink", "remove", "rmdir", "remove tree")
_MOVES = ("rename", "replace", "link")


class WorldView:
    """`contract.View` over a world."""

    def __init__(self, world: World, root: str, jobs: tuple[str, ...]) -> None:
        self._world = world
        self._root = root
        self.jobs = jobs

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
        name = {STATE: self._world.layout.state, FINISHED: self._world.layout.finished}.get(kind)
        return tuple(f"attr {job}.{name}" for job in self.jobs) if name else ()

    def ran_badly(self, job: str) -> bool:
        """Whether the destination refused the last attempt."""
        return self._world.script.last.get(job) not in (None, "success")


class Lens:
    """Translates the steps of one world."""

    def __init__(self, world: World) -> None:
        self._layout = world.layout
        self._running = world.script.running
        self._below = world.layout.package + "/"

    def __call__(self, step: Operation) -> Event | None:
        """The event that a step is, if it is one."""
        if step.outcome is not GO or not step.accesses:
            return None
        resource = step.accesses[0][0]
        if resource.startswith("file ") or resource.startswith("data "):
            return self._file(step)
        if resource.startswith("attr ") and step.kind == "write":
            job, _, name = resource[5:].rpartition(".")
            kind = {self._layout.state: STATE, self._layout.finished: FINISHED}.get(name)
            return Event(kind, job, step) if kind else None
        if resource.startswith("step run "):
            return Event(RUN_EVENT, resource[9:], step)
        if step.kind == "release" and resource.startswith("semaphore") and step.task in self._running:
            return Event(WAKE, self._running[step.task], step)
        return None

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
