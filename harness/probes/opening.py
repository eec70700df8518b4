"""`open` under control: a raw file whose reads and writes are steps, with the stdlib's own layers on top."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Operation
from .paths import Opened, Part, Sandbox, changes, looks_at
from .streams import Stream, layered

_real_open = builtins.open


class _TracedFile(io.FileIO):
    """A raw file whose reads and writes are steps, and which leads nowhere once its world is over."""

    _opened: Opened
    _box: Sandbox
    _execution: Execution | None = None

    def _step(self, kind: str, mode: str, over: Any, effect: Callable[[], Any], part: Part | None = None) -> Any:
        """Announce it and do it; ``over`` is what it comes to in a world that is over."""
        execution = self._execution
        if execution is not None and execution.dead:
            return over
        execution = control.current()
        if execution is None:
            return effect()
        operation = Operation(kind, ((self._opened.content, mode),))
        execution.perform(operation)
        return self._box.act(execution, operation, effect, part)

    def write(self, data: Any, /) -> int:
        whole = memoryview(data).cast("B")
        part = (len(whole), lambda n: self._write(whole[:n]))
        return int(self._step("write file", WRITE, len(whole), lambda: self._write(whole), part))

    def _write(self, data: memoryview) -> int:
        offset = 0 if self._opened.appends else self.tell()
        count = super().write(data) or 0
        self._box.written(self._opened, data, count, offset)
        return count

    def truncate(self, size: int | None = None, /) -> int:
        return int(self._step("truncate", WRITE, 0, lambda: self._truncate(size)))

    def _truncate(self, size: int | None) -> int:
        length = super().truncate(size)
        self._box.cut(self._opened, length)
        return length

    def readinto(self, buffer: Any, /) -> int:
        readinto = super().readinto
        return int(self._step("read file", READ, 0, lambda: readinto(buffer)))

    def readall(self) -> bytes:
        readall = super().readall
        return bytes(self._step("read file", READ, b"", readall))

    def close(self) -> None:
        if not self.closed and self._box.open.get(self.fileno()) is self._opened and self.closefd:
            if self._box.closing is not None:
                self._box.closing(self.fileno())
            del self._box.open[self.fileno()]
        super().close()


def opener(box: Sandbox) -> Callable[..., Any]:
    """What stands for `open`."""

    def open(
        file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None,
        newline: Any = None, closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        execution = control.current()
        known = box.open.get(file) if isinstance(file, int) else None
        name = box.relative(file)
        if execution is None or (name is None and known is None):
            return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        creating, emptying = any(letter in mode for letter in "wxa"), "w" in mode
        fresh = False
        if name is not None and opener is None:
            fresh = announce_open(execution, box, name, file, creating, creating or "+" in mode, emptying)

        def effect() -> _TracedFile:
            raw = _TracedFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
            raw._execution, raw._box = execution, box
            # an opener's own calls are steps
            raw._opened = (
                known
                or box.open.get(raw.fileno())
                or box.opened(raw.fileno(), name or "", fresh, emptying, "a" in mode)
            )
            return raw

        announced = name is not None and opener is None
        raw = box.act(execution, execution.steps[-1], effect) if announced else effect()
        assert execution.current is not None
        stream = Stream(execution.current.object_name("stream"))
        return layered(raw, mode, buffering, {"encoding": encoding, "errors": errors, "newline": newline}, stream)

    return open


def announce_open(
    execution: Execution, box: Sandbox, name: str, path: Any, creating: bool, writing: bool, emptying: bool
) -> bool:
    """The step of opening a path; True where it creates the file. One that empties a file writes its content."""

    def accesses() -> Any:
        touched = changes(name) if creating else looks_at(name)
        return (*touched, *box.content_at(execution, path, name, WRITE)) if emptying else touched

    operation = Operation("create" if creating else "open", accesses())
    execution.perform(operation)
    operation.accesses = accesses()  # it may have come or gone while we waited for our turn
    if not creating:
        return False
    with quiet(execution):
        fresh = not os.path.lexists(path)
    if not fresh:  # an existing file is emptied or appended to: the listing stays as it is
        operation.kind = "overwrite" if writing else "open"
    return fresh
