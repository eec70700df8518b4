"""Files and directories under a sandbox root as steps; everything else passes through."""

from __future__ import annotations

import builtins
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Operation
from . import descriptors, places
from .opening import opener
from .patching import Patches
from .paths import Recorder, Sandbox, changes, lists, looks_at, moves

_real = {name: getattr(os, name) for name in (
    "stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink",
    "readlink", "truncate", "access",
)}  # fmt: skip
_real_open = builtins.open
_real_rmtree = shutil.rmtree


def _is_directory(execution: Execution, path: Any) -> bool:
    with quiet(execution):
        return os.path.isdir(path)


def _looking(box: Sandbox, kind: str, real: Any, listing: bool = False) -> Any:
    """A look at what there is; what it says does not depend on the content of files."""

    def look(path: Any = ".", *args: Any, **kw: Any) -> Any:
        execution, name = box.whose(path, kw.get("dir_fd"))
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
        execution, name = box.whose(path, kw.get("dir_fd"))
        if execution is None or name is None:
            return real(path, *args, **kw)
        path = box.full(name)
        operation = Operation(kind, looks_at(name) + box.content_at(execution, path, name, READ))
        execution.perform(operation)
        operation.accesses = looks_at(name) + box.content_at(execution, path, name, READ)
        kw.pop("dir_fd", None)
        return real(path, *args, **kw)

    return measure


def _listing(box: Sandbox) -> Any:
    look = _looking(box, "list", _real["listdir"], listing=True)

    def listdir(path: Any = ".") -> Any:
        found = look(path)
        return box.order(found) if box.acting else found

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
        if not box.acting:
            return _real["scandir"](path)
        with look(path) as found:
            return _Scan(box.order(found))

    return scandir


def _changing(box: Sandbox, kind: str, real: Any, done: Callable[[Recorder, str, Any], object]) -> Any:
    def change(path: Any, *args: Any, **kw: Any) -> Any:
        execution, name = box.whose(path, kw.get("dir_fd"))
        if name is None:
            return real(path, *args, **kw)
        full = box.full(name)
        accesses = changes(name)
        if kind == "rmdir":
            accesses += ((f"tree {name}", WRITE), (f"listing {name}", READ))
        elif kind == "truncate" and execution is not None:
            accesses = looks_at(name) + box.content_at(execution, full, name, WRITE)
        operation = Operation(kind, accesses)
        if execution is not None:
            execution.perform(operation)

        def effect() -> Any:
            where = box.followed(name) if kind == "truncate" else box.place(name)
            result = real(path, *args, **kw)
            box.record(lambda journal: done(journal, where, args), where)
            return result

        return box.act(execution, operation, effect)

    return change


def _cut(journal: Recorder, name: str, args: Any) -> None:
    journal.truncate(journal.inode(name), args[0])


_CHANGES: dict[str, Callable[[Recorder, str, Any], object]] = {
    "mkdir": lambda journal, name, args: journal.mkdir(name),
    "rmdir": lambda journal, name, args: journal.unlink(name),
    "unlink": lambda journal, name, args: journal.unlink(name),
    "remove": lambda journal, name, args: journal.unlink(name),
    "truncate": _cut,
}


def _linking(box: Sandbox) -> Any:
    def symlink(src: Any, dst: Any, *args: Any, **kw: Any) -> None:
        execution, name = box.whose(dst, kw.get("dir_fd"))
        if name is None:
            _real["symlink"](src, dst, *args, **kw)
            return
        if execution is not None:
            execution.perform(Operation("symlink", changes(name)))
        where = box.place(name)
        _real["symlink"](src, dst, *args, **kw)
        box.record(lambda journal: journal.symlink(os.fsdecode(src), where), where)

    return symlink


def _moving(box: Sandbox, kind: str, real: Any) -> Any:
    def move(src: Any, dst: Any, **kw: Any) -> Any:
        execution, source = box.whose(src, kw.get("src_dir_fd"))
        _, target = box.whose(dst, kw.get("dst_dir_fd"))
        if source is None or target is None:  # one of them elsewhere: the end of an execution shows it
            return real(src, dst, **kw)
        full = box.full(source)
        directory = execution is not None and kind != "link" and _is_directory(execution, full)
        operation = Operation(kind, moves(source, target, directory), detail=f"{source} -> {target}")
        if execution is not None:
            execution.perform(operation)
            if not directory and kind != "link" and _is_directory(execution, full):
                operation.accesses = moves(source, target, True)  # it became one while we waited for our turn

        def effect() -> Any:
            names = box.place(source), box.place(target)
            result = real(src, dst, **kw)
            box.record(lambda journal: journal.link(*names) if kind == "link" else journal.rename(*names), *names)
            return result

        return box.act(execution, operation, effect)

    return move


def _removing_tree(box: Sandbox) -> Any:
    def rmtree(path: Any, *args: Any, **kw: Any) -> Any:
        execution = control.current()
        name = None if execution is None else box.relative(path)
        if execution is None or name is None:
            return _real_rmtree(path, *args, **kw)
        execution.perform(Operation("remove tree", (*changes(name), (f"tree {name}", WRITE))))
        with box.one_step(execution):
            return _real_rmtree(path, *args, **kw)

    rmtree.avoids_symlink_attacks = True  # type: ignore[attr-defined]
    return rmtree


def _copy_through_us(patches: Patches) -> None:
    """`shutil` copies inside the kernel and removes by descriptors where it can: past our steps."""
    for name in ("_USE_CP_SENDFILE", "_USE_CP_COPY_FILE_RANGE", "_use_fd_functions"):
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
    for name, done in _CHANGES.items():
        patches.value(_real[name], _changing(box, name, _real[name], done))
    patches.value(_real["symlink"], _linking(box))
    for name in ("rename", "replace", "link"):
        patches.value(_real[name], _moving(box, name, _real[name]))
    patches.value(_real_rmtree, _removing_tree(box))
    descriptors.install(patches, box)
    places.install(patches, box)


__all__ = ["Sandbox", "install"]
