"""Files and directories under a sandbox root as steps; everything else passes through."""

from __future__ import annotations

import builtins
import os
import shutil
from collections.abc import Iterator
from typing import Any

from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Operation
from .opening import announce_open, opener
from .patching import Patches
from .paths import Sandbox, changes, lists, looks_at, moves

_real = {name: getattr(os, name) for name in (
    "stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink",
    "readlink", "open", "close", "read", "write", "pread", "pwrite", "fsync", "fdatasync", "truncate", "ftruncate",
    "access",
)}  # fmt: skip
_real_open = builtins.open
_real_rmtree = shutil.rmtree


def _is_directory(execution: Execution, path: Any) -> bool:
    with quiet(execution):
        return os.path.isdir(path)


def _looking(box: Sandbox, kind: str, real: Any, listing: bool = False) -> Any:
    """A look at what there is; what it says does not depend on the content of files."""

    def look(path: Any = ".", *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None or kw.get("dir_fd") is not None else box.relative(path)
        if execution is None or name is None:
            return real(path, *args, **kw)
        operation = Operation(kind, lists(name) if listing else looks_at(name))
        execution.perform(operation)

        def effect() -> Any:
            with quiet(execution):
                return real(path, *args, **kw)

        return box.act(execution, operation, effect)

    return look


def _measuring(box: Sandbox, kind: str, real: Any) -> Any:
    """A look that tells size and times too: it reads the content."""

    def measure(path: Any, *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None or kw.get("dir_fd") is not None else box.relative(path)
        if execution is None or name is None:
            return real(path, *args, **kw)
        operation = Operation(kind, looks_at(name) + box.content_at(execution, path, name, READ))
        execution.perform(operation)
        operation.accesses = looks_at(name) + box.content_at(execution, path, name, READ)
        return real(path, *args, **kw)

    return measure


def _listing(box: Sandbox) -> Any:
    look = _looking(box, "list", _real["listdir"], listing=True)

    def listdir(path: Any = ".") -> Any:
        found = look(path)
        return box.order(found) if control.current() is not None else found

    return listdir


class _Scan:
    """What `os.scandir` returns: sorted."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """As the real one's."""
        self._entries = iter(())


def _scanning(box: Sandbox) -> Any:
    look = _looking(box, "list", _real["scandir"], listing=True)

    def scandir(path: Any = ".") -> Any:
        if control.current() is None:
            return _real["scandir"](path)
        with look(path) as found:
            return _Scan(box.order(found))

    return scandir


def _changing(box: Sandbox, kind: str, real: Any) -> Any:
    def change(path: Any, *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None or kw.get("dir_fd") is not None else box.relative(path)
        if execution is None or name is None:
            return real(path, *args, **kw)
        accesses = changes(name)
        if kind == "rmdir":
            accesses += ((f"tree {name}", WRITE), (f"listing {name}", READ))
        elif kind == "truncate":
            accesses = looks_at(name) + box.content_at(execution, path, name, WRITE)
        operation = Operation(kind, accesses)
        execution.perform(operation)
        return box.act(execution, operation, lambda: real(path, *args, **kw))

    return change


def _linking(box: Sandbox) -> Any:
    def symlink(src: Any, dst: Any, *args: Any, **kw: Any) -> None:
        execution = control.current()
        name = None if execution is None or kw.get("dir_fd") is not None else box.relative(dst)
        if execution is not None and name is not None:
            execution.perform(Operation("symlink", changes(name)))
        _real["symlink"](src, dst, *args, **kw)

    return symlink


def _moving(box: Sandbox, kind: str, real: Any) -> Any:
    def move(src: Any, dst: Any, **kw: Any) -> Any:
        execution = control.current()
        source = None if execution is None else box.relative(src)
        target = None if execution is None else box.relative(dst)
        if execution is None or source is None or target is None:
            return real(src, dst, **kw)
        directory = kind != "link" and _is_directory(execution, src)
        operation = Operation(kind, moves(source, target, directory), detail=f"{source} -> {target}")
        execution.perform(operation)
        if not directory and kind != "link" and _is_directory(execution, src):
            operation.accesses = moves(source, target, True)  # it became one while we waited for our turn
        return box.act(execution, operation, lambda: real(src, dst, **kw))

    return move


def _removing_tree(box: Sandbox) -> Any:
    def rmtree(path: Any, *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None else box.relative(path)
        if execution is None or name is None:
            return _real_rmtree(path, *args, **kw)
        execution.perform(Operation("remove tree", (*changes(name), (f"tree {name}", WRITE))))
        with quiet(execution):
            return _real_rmtree(path, *args, **kw)

    rmtree.avoids_symlink_attacks = True  # type: ignore[attr-defined]
    return rmtree


def _descriptors(patches: Patches, box: Sandbox) -> None:
    def os_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: Any = None) -> int:
        execution = control.current()
        name = None if execution is None or dir_fd is not None else box.relative(path)
        if execution is None or name is None:
            return int(_real["open"](path, flags, mode, dir_fd=dir_fd))
        fresh = announce_open(
            execution, box, name, path, creating=bool(flags & os.O_CREAT),
            writing=bool(flags & (os.O_WRONLY | os.O_RDWR)), emptying=bool(flags & os.O_TRUNC),
        )  # fmt: skip
        fd = int(box.act(execution, execution.steps[-1], lambda: _real["open"](path, flags, mode)))
        box.open[fd] = box.content(fd, name, fresh)
        return fd

    def on_fd(kind: str, access: str, real: Any) -> Any:
        def act(fd: Any, *args: Any) -> Any:
            execution = control.current()
            number = fd if isinstance(fd, int) else fd.fileno()
            if execution is None or number not in box.open:
                return real(fd, *args)
            operation = Operation(kind, ((box.open[number], access),))
            execution.perform(operation)
            part = None
            if kind == "write file":
                data = memoryview(args[0]).cast("B")
                part = (len(data), lambda n: real(fd, data[:n], *args[1:]))
            return box.act(execution, operation, lambda: real(fd, *args), part)

        return act

    def os_close(fd: int) -> None:
        box.open.pop(fd, None)
        _real["close"](fd)

    patches.value(_real["open"], os_open)
    patches.value(_real["close"], os_close)
    for name in ("write", "pwrite"):
        patches.value(_real[name], on_fd("write file", WRITE, _real[name]))
    for name in ("read", "pread"):
        patches.value(_real[name], on_fd("read file", READ, _real[name]))
    patches.value(_real["ftruncate"], on_fd("truncate", WRITE, _real["ftruncate"]))
    patches.value(_real["fsync"], on_fd("fsync", READ, _real["fsync"]))
    patches.value(_real["fdatasync"], on_fd("fdatasync", READ, _real["fdatasync"]))


def _copy_through_us(patches: Patches) -> None:
    """`shutil` copies inside the kernel where it can: past the steps of reading and writing."""
    for name in ("_USE_CP_SENDFILE", "_USE_CP_COPY_FILE_RANGE"):
        if hasattr(shutil, name):
            patches.set(shutil, name, False)


def install(patches: Patches, box: Sandbox) -> None:
    """Add the file operations under ``box.root`` to ``patches``."""
    patches.on_apply(_copy_through_us)
    patches.value(_real_open, opener(box))
    for name in ("exists", "lexists", "isfile", "isdir", "islink"):
        real = getattr(os.path, name)
        patches.value(real, _looking(box, "stat", real))
    for name in ("stat", "lstat"):
        patches.value(_real[name], _measuring(box, "stat", _real[name]))
    for name in ("access", "readlink"):
        patches.value(_real[name], _looking(box, name, _real[name]))
    patches.value(_real["listdir"], _listing(box))
    patches.value(_real["scandir"], _scanning(box))
    for name in ("mkdir", "rmdir", "unlink", "remove", "truncate"):
        patches.value(_real[name], _changing(box, name, _real[name]))
    patches.value(_real["symlink"], _linking(box))
    for name in ("rename", "replace", "link"):
        patches.value(_real[name], _moving(box, name, _real[name]))
    patches.value(_real_rmtree, _removing_tree(box))
    _descriptors(patches, box)


__all__ = ["Sandbox", "install"]
