"""Files and directories under a sandbox root as steps; everything else passes through.

Dependence is aware of paths: every operation on a path *reads* the tree of each directory above it, and renaming or
removing a directory *writes* its tree. Creating and removing entries of a directory commute with each other, but not
with listing it. Content is told apart by inode, so that a file written under one name and read under another is one.
"""

from __future__ import annotations

import builtins
import io
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from ..runtime import control
from ..runtime.execution import Execution
from ..trace import ADD, READ, WRITE, Access, Accesses, Operation
from .patching import Patches

_real = {name: getattr(os, name) for name in (
    "stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link",
    "open", "close", "write", "fsync", "fdatasync", "truncate", "access",
)}  # fmt: skip
_real_open = builtins.open
_real_rmtree = shutil.rmtree


class Sandbox:
    """The files of one exploration: which paths are steps, and how their resources are named.

    Args:
        root: the directory; an absolute path without symbolic links.
        reverse: list directories in descending instead of ascending order of names.
    """

    def __init__(self, root: str, reverse: bool = False) -> None:
        self.root = os.path.realpath(root)
        self.reverse = reverse
        self._prefix = self.root + os.sep
        self._inodes: dict[tuple[int, int], str] = {}
        self._open: dict[int, str] = {}

    def reset(self) -> None:
        """Forget what an execution left behind."""
        self._inodes.clear()
        self._open.clear()

    def relative(self, path: Any) -> str | None:
        """The path below the root, with slashes; None for one that is not ours."""
        if isinstance(path, int):
            return None
        try:
            name = os.fspath(path)
        except TypeError:
            return None
        if isinstance(name, bytes):
            name = os.fsdecode(name)
        if not name.startswith("/"):
            name = os.path.join(os.getcwd(), name)
        if name.startswith(self._prefix) and "/." not in name and "//" not in name:
            return name[len(self._prefix) :].rstrip("/") or "."
        name = os.path.abspath(name)
        if name.startswith(self._prefix):
            return name[len(self._prefix) :]
        return "." if name == self.root else None

    def content(self, fd: int, name: str, fresh: bool) -> str:
        """The resource name of an open file's content; ``fresh``: it was just created."""
        found = os.fstat(fd)
        key = (found.st_dev, found.st_ino)
        if fresh or key not in self._inodes:
            self._inodes[key] = f"data {name}"
        return self._inodes[key]

    def order(self, names: Any) -> Any:
        """Directory entries in an order that does not depend on the file system."""
        return sorted(names, reverse=self.reverse, key=lambda e: e if isinstance(e, (str, bytes)) else e.name)


def _above(name: str) -> list[Access]:
    parts = name.split("/")[:-1]
    return [(f"tree {'/'.join(parts[:n])}", READ) for n in range(1, len(parts) + 1)]


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "."


def looks_at(name: str) -> Accesses:
    """Accesses of an operation that only looks at a path."""
    return ((f"file {name}", READ), *_above(name))


def changes(name: str) -> Accesses:
    """Accesses of an operation that creates or removes an entry."""
    return ((f"file {name}", WRITE), (f"listing {_parent(name)}", ADD), *_above(name))


def moves(source: str, target: str, directory: bool) -> Accesses:
    """Accesses of a rename."""
    tree: list[Access] = [(f"tree {source}", WRITE), (f"tree {target}", WRITE)] if directory else []
    return tuple(dict.fromkeys((*changes(source), *changes(target), *tree)))


def lists(name: str) -> Accesses:
    """Accesses of listing a directory."""
    return ((f"listing {name}", READ), (f"file {name}", READ), *_above(name))


class _TracedFile(io.FileIO):
    """A raw file whose reads and writes are steps, and which leads nowhere once its world is over."""

    _content: str = ""
    _execution: Execution | None = None

    def _step(self, kind: str, mode: str) -> bool:
        """Announce; False where the world is over."""
        execution = self._execution
        if execution is not None and execution.dead:
            return False
        execution = control.current()
        if execution is not None:
            execution.perform(Operation(kind, ((self._content, mode),)))
        return True

    def write(self, data: Any, /) -> int:
        if not self._step("write file", WRITE):
            return memoryview(data).nbytes
        return super().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        if not self._step("truncate", WRITE):
            return 0
        return super().truncate(size)

    def readinto(self, buffer: Any, /) -> int:
        return super().readinto(buffer) if self._step("read file", READ) else 0  # type: ignore[return-value]

    def readall(self) -> bytes:
        return super().readall() if self._step("read file", READ) else b""  # type: ignore[return-value]


def _wrap(raw: _TracedFile, mode: str, buffering: int, text: dict[str, Any]) -> Any:
    """The buffered and text layers that `open` puts on a raw file."""
    binary = "b" in mode
    if buffering == 0:
        if not binary:
            raise ValueError("can't have unbuffered text I/O")
        return raw
    size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
    buffer: Any
    if "+" in mode:
        buffer = io.BufferedRandom(raw, size)
    elif "r" in mode:
        buffer = io.BufferedReader(raw, size)
    else:
        buffer = io.BufferedWriter(raw, size)
    if binary:
        return buffer
    wrapper = io.TextIOWrapper(buffer, line_buffering=buffering == 1, **text)
    wrapper.mode = mode  # type: ignore[misc]
    return wrapper


def _opener(box: Sandbox) -> Callable[..., Any]:
    def open(  # noqa: A001 - it stands for the builtin
        file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None,
        newline: Any = None, closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        execution = control.current()
        known = box._open.get(file) if isinstance(file, int) else None
        name = box.relative(file)
        if execution is None or (name is None and known is None):
            return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        fresh = False
        if name is not None:
            fresh = _announce_open(execution, name, writing=not mode.startswith("r") or "+" in mode, path=file,
                                   creating="w" in mode or "x" in mode or "a" in mode)  # fmt: skip
        execution.quiet += 1  # an opener's own calls are part of this step
        try:
            raw = _TracedFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        finally:
            execution.quiet -= 1
        raw._execution = execution
        raw._content = known or box.content(raw.fileno(), name or "", fresh)
        text = {"encoding": encoding, "errors": errors, "newline": newline}
        return _wrap(raw, mode, buffering, text)

    return open


def _announce_open(execution: Execution, name: str, writing: bool, path: Any, creating: bool) -> bool:
    """The step of opening a path; True where it creates the file."""
    operation = Operation("create" if creating else "open", changes(name) if creating else looks_at(name))
    execution.perform(operation)
    if not creating:
        return False
    fresh = not _exists(execution, path)
    if not fresh:  # an existing file is truncated or appended to: the listing stays as it is
        operation.kind = "overwrite" if writing else "open"
    return fresh


def _exists(execution: Execution, path: Any) -> bool:
    execution.quiet += 1
    try:
        return os.path.lexists(path)
    finally:
        execution.quiet -= 1


def _is_directory(execution: Execution, path: Any) -> bool:
    execution.quiet += 1
    try:
        return os.path.isdir(path)
    finally:
        execution.quiet -= 1


def _looking(box: Sandbox, kind: str, real: Any, listing: bool = False) -> Any:
    def look(path: Any = ".", *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None or kw.get("dir_fd") is not None else box.relative(path)
        if execution is None or name is None:
            return real(path, *args, **kw)
        execution.perform(Operation(kind, lists(name) if listing else looks_at(name)))
        return real(path, *args, **kw)

    return look


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
        if execution is not None and name is not None:
            accesses = changes(name)
            if kind == "rmdir":
                accesses += ((f"tree {name}", WRITE), (f"listing {name}", READ))
            execution.perform(Operation(kind, accesses))
        return real(path, *args, **kw)

    return change


def _moving(box: Sandbox, kind: str, real: Any) -> Any:
    def move(src: Any, dst: Any, **kw: Any) -> Any:
        execution = control.current()
        source = None if execution is None else box.relative(src)
        target = None if execution is None else box.relative(dst)
        if execution is not None and source is not None and target is not None:
            directory = kind != "link" and _is_directory(execution, src)
            operation = Operation(kind, moves(source, target, directory), detail=f"{source} -> {target}")
            execution.perform(operation)
            if not directory and kind != "link" and _is_directory(execution, src):
                operation.accesses = moves(source, target, True)  # it became one while we waited for our turn
        return real(src, dst, **kw)

    return move


def _removing_tree(box: Sandbox) -> Any:
    def rmtree(path: Any, *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None else box.relative(path)
        if execution is None or name is None:
            return _real_rmtree(path, *args, **kw)
        execution.perform(Operation("remove tree", (*changes(name), (f"tree {name}", WRITE))))
        execution.quiet += 1
        try:
            return _real_rmtree(path, *args, **kw)
        finally:
            execution.quiet -= 1

    rmtree.avoids_symlink_attacks = True  # type: ignore[attr-defined]
    return rmtree


def _descriptors(patches: Patches, box: Sandbox) -> None:
    def os_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: Any = None) -> int:
        execution = control.current()
        name = None if execution is None or dir_fd is not None else box.relative(path)
        if execution is None or name is None:
            return int(_real["open"](path, flags, mode, dir_fd=dir_fd))
        writing = bool(flags & (os.O_WRONLY | os.O_RDWR))
        fresh = _announce_open(execution, name, writing, path, creating=bool(flags & os.O_CREAT))
        fd = int(_real["open"](path, flags, mode))
        box._open[fd] = box.content(fd, name, fresh)
        return fd

    def on_fd(kind: str, access: str, real: Any) -> Any:
        def act(fd: Any, *args: Any) -> Any:
            execution = control.current()
            number = fd if isinstance(fd, int) else fd.fileno()
            if execution is not None and number in box._open:
                execution.perform(Operation(kind, ((box._open[number], access),)))
            return real(fd, *args)

        return act

    def os_close(fd: int) -> None:
        box._open.pop(fd, None)
        _real["close"](fd)

    patches.value(_real["open"], os_open)
    patches.value(_real["close"], os_close)
    patches.value(_real["write"], on_fd("write file", WRITE, _real["write"]))
    patches.value(_real["fsync"], on_fd("fsync", READ, _real["fsync"]))
    patches.value(_real["fdatasync"], on_fd("fdatasync", READ, _real["fdatasync"]))


def install(patches: Patches, box: Sandbox) -> None:
    """Add the file operations under ``box.root`` to ``patches``."""
    patches.value(_real_open, _opener(box))
    for name in ("stat", "lstat", "access"):
        patches.value(_real[name], _looking(box, "stat", _real[name]))
    patches.value(_real["listdir"], _listing(box))
    patches.value(_real["scandir"], _scanning(box))
    for name in ("mkdir", "rmdir", "unlink", "remove", "truncate"):
        patches.value(_real[name], _changing(box, name, _real[name]))
    for name in ("rename", "replace", "link"):
        patches.value(_real[name], _moving(box, name, _real[name]))
    patches.value(_real_rmtree, _removing_tree(box))
    _descriptors(patches, box)
