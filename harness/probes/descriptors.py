"""Operations on descriptors (`os.open`, `os.write`, `os.fsync` and so on) as steps."""

from __future__ import annotations

import os
from typing import Any

from ..runtime import control
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Operation
from .opening import announce_open
from .patching import Patches
from .paths import Opened, Sandbox

_real = {
    name: getattr(os, name)
    for name in (
        "open", "close", "read", "write", "pread", "pwrite", "writev", "pwritev", "fsync", "fdatasync", "ftruncate",
        "dup", "sync",
    )
    if hasattr(os, name)
}  # fmt: skip


def install(patches: Patches, box: Sandbox) -> None:
    """Add the operations on descriptors of files below ``box.root`` to ``patches``."""
    patches.value(_real["open"], _opening(box))
    patches.value(_real["close"], _closing(box))
    for name in ("read", "pread"):
        patches.value(_real[name], _reading(box, _real[name]))
    for name in ("write", "pwrite", "writev", "pwritev"):
        if name in _real:
            patches.value(_real[name], _writing(box, _real[name]))
    patches.value(_real["ftruncate"], _cutting(box))
    patches.value(_real["fsync"], _syncing(box, "fsync"))
    if "fdatasync" in _real:
        patches.value(_real["fdatasync"], _syncing(box, "fdatasync"))
    if "sync" in _real:
        patches.value(_real["sync"], _syncing_all(box))
    patches.value(_real["dup"], _doubling(box))


def _opening(box: Sandbox) -> Any:
    def os_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: Any = None) -> int:
        execution, name = box.whose(path, dir_fd)
        if name is None or flags & getattr(os, "O_TMPFILE", 0) == getattr(os, "O_TMPFILE", -1):
            return int(_real["open"](path, flags, mode, dir_fd=dir_fd))
        emptying = bool(flags & os.O_TRUNC)
        fresh = bool(flags & os.O_CREAT)
        if execution is not None:
            writing = bool(flags & (os.O_WRONLY | os.O_RDWR))
            fresh = announce_open(execution, box, name, box.full(name), fresh, writing, emptying)

        def effect() -> int:
            fd = int(_real["open"](path, flags, mode, dir_fd=dir_fd))
            box.opened(fd, name, fresh, emptying, bool(flags & os.O_APPEND))
            return fd

        return int(effect() if execution is None else box.act(execution, execution.steps[-1], effect))

    return os_open


def _closing(box: Sandbox) -> Any:
    def os_close(fd: int) -> None:
        if box.closing is not None:
            box.closing(fd)
        box.open.pop(fd, None)
        _real["close"](fd)

    return os_close


def _doubling(box: Sandbox) -> Any:
    def dup(fd: int) -> int:
        other = int(_real["dup"](fd))
        if fd in box.open:
            box.open[other] = box.open[fd]
        return other

    return dup


def _reading(box: Sandbox, real: Any) -> Any:
    def read(fd: Any, *args: Any) -> Any:
        execution, file = _known(box, fd)
        if execution is None or file is None:
            return real(fd, *args)
        operation = Operation("read file", ((file.content, READ),))
        execution.perform(operation)
        return box.act(execution, operation, lambda: real(fd, *args))

    return read


def _writing(box: Sandbox, real: Any) -> Any:
    """`os.write` and `os.pwrite`, and with lists of buffers `os.writev` and `os.pwritev`."""

    def write(fd: Any, data: Any, *args: Any) -> Any:
        execution, file = _known(box, fd)
        if execution is None or file is None:
            return real(fd, data, *args)
        operation = Operation("write file", ((file.content, WRITE),))
        execution.perform(operation)
        several = isinstance(data, (list, tuple))
        whole = memoryview(b"".join(bytes(part) for part in data) if several else data).cast("B")

        def effect(size: int) -> int:
            offset = args[0] if args else 0 if file.appends else os.lseek(fd, 0, os.SEEK_CUR)
            count = int(real(fd, [whole[:size]] if several else whole[:size], *args))
            box.written(file, whole, count, offset)
            return count

        return box.act(execution, operation, lambda: effect(len(whole)), (len(whole), effect))

    return write


def _cutting(box: Sandbox) -> Any:
    def ftruncate(fd: Any, length: int) -> None:
        execution, file = _known(box, fd)
        if execution is None or file is None:
            _real["ftruncate"](fd, length)
            return
        operation = Operation("truncate", ((file.content, WRITE),))
        execution.perform(operation)

        def effect() -> None:
            _real["ftruncate"](fd, length)
            box.cut(file, length)

        box.act(execution, operation, effect)

    return ftruncate


def _known(box: Sandbox, fd: Any) -> tuple[Execution | None, Opened | None]:
    """Who acts, and on which file below the root."""
    number = fd if isinstance(fd, int) else fd.fileno()
    return control.current(), box.open.get(number)


def _syncing(box: Sandbox, kind: str) -> Any:
    real = _real[kind]

    def sync(fd: Any) -> None:
        execution, file = _known(box, fd)
        if execution is None or file is None:
            real(fd)
            return
        operation = Operation(kind, ((file.content, READ),))
        execution.perform(operation)

        def tell(failed: bool) -> None:
            if box.journal is not None and file.inode:
                getattr(box.journal, kind)(file.inode, failed)

        try:
            box.act(execution, operation, lambda: real(fd))
        except OSError:
            tell(True)  # and what was dirty may never get there
            raise
        tell(False)

    return sync


def _syncing_all(box: Sandbox) -> Any:
    def sync() -> None:
        execution = control.current()
        if execution is None or box.journal is None:
            _real["sync"]()
            return
        execution.perform(Operation("sync", (("disk", WRITE),)))
        box.record(lambda journal: journal.sync())

    return sync
