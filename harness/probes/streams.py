"""The layers that `open` puts on a raw file, for files that tasks share.

What a task does to a stream's buffer belongs to the step that it is in, so two tasks that write to one stream are
tried in both orders. While one of them stands inside, at a read or write of the raw file, the others wait, as they do
for the lock that the C code holds.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..trace import WRITE, Accesses, Operation

_BOTH = ("write", "read", "readline", "__next__", "seek", "tell", "truncate", "flush", "close")
_BUFFERED = (*_BOTH, "read1", "readinto", "readinto1", "peek")
_TEXT = (*_BOTH, "writelines")


class Stream:
    """Who is inside a stream."""

    __slots__ = ("_accesses", "_depth", "_holder")

    def __init__(self, name: str) -> None:
        self._accesses: Accesses = ((name, WRITE),)
        self._holder: Any = None
        self._depth = 0

    def enter(self) -> bool:
        """Go inside, once nobody else is there; False where that is no business of ours."""
        execution = control.current()
        if execution is None or execution.dead:
            return False
        task = execution.current
        if self._holder is not None and self._holder is not task:
            execution.perform(Operation("wait for stream", self._accesses, self._is_free))
        elif self._depth == 0 and execution.steps:
            step = execution.steps[-1]
            if self._accesses[0] not in step.accesses:
                step.accesses += self._accesses
        self._holder = task
        self._depth += 1
        return True

    def leave(self) -> None:
        """Go out."""
        self._depth -= 1
        if self._depth == 0:
            self._holder = None

    def _is_free(self) -> bool:
        return self._holder is None


def _guarded(base: Any, names: tuple[str, ...]) -> Any:
    """A class of stream whose methods go through its `Stream`."""

    def method(name: str) -> Callable[..., Any]:
        original = getattr(base, name)

        def call(self: Any, *args: Any) -> Any:
            stream: Stream | None = self.__dict__.get("_loadloom_stream")
            if stream is None or not stream.enter():
                return original(self, *args)
            try:
                return original(self, *args)
            finally:
                stream.leave()

        call.__name__ = name
        return call

    return type(base.__name__, (base,), {name: method(name) for name in names if hasattr(base, name)})


_Writer, _Reader, _Random = (
    _guarded(base, _BUFFERED) for base in (io.BufferedWriter, io.BufferedReader, io.BufferedRandom)
)
_Text = _guarded(io.TextIOWrapper, _TEXT)


def layered(raw: Any, mode: str, buffering: int, text: dict[str, Any], stream: Stream) -> Any:
    """The buffered and text layers that `open` puts on a raw file.

    Raises:
        ValueError: text without a buffer.
    """
    binary = "b" in mode
    if buffering == 0:
        if not binary:
            raise ValueError("can't have unbuffered text I/O")
        return raw
    size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
    kind = _Random if "+" in mode else _Reader if "r" in mode else _Writer
    buffer = kind(raw, size)
    buffer._loadloom_stream = stream
    if binary:
        return buffer
    wrapper = _Text(buffer, line_buffering=buffering == 1, **text)
    wrapper._loadloom_stream = stream
    wrapper.mode = mode
    return wrapper
