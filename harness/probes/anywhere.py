"""Files of a user's program: every path is a step but those of Python and the system.

Temporary names are chosen by us for the time of an execution, so that they are the same in each. What one execution
leaves behind must not steer the next; where it would, nothing is claimed.
"""

from __future__ import annotations

import os
import re
import shutil
import site
import stat
import sys
import sysconfig
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ..errors import Abandoned, NondeterminismError
from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from . import files, threads
from .chance import Chance
from .patching import Patches
from .paths import Placed, Sandbox

_SYSTEM = tuple("/bin /boot /dev /etc /lib /lib64 /proc /run /sbin /sys /usr /System /Library".split())  # noqa: SIM905
_SHARED_MEMORY = "/dev/shm"
_RANDOM_NAME = re.compile(r"pytest-of-[^/]+/pytest-\d+(/popen-gw\d+)?|[^/]*[a-z0-9_]{8}(?=/|$)")
"""Of an entry of the directory for temporary files: made by pytest or `tempfile`, with another name in each process."""
_MOST_LINKS = 40
_CONTENT = 1 << 20
"""Bytes of a file that are compared from execution to execution."""


def _python() -> tuple[str, ...]:
    """Where Python and what is installed in it live."""
    places = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sysconfig.get_paths().values()]
    places += [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.path.dirname(__file__))]
    real = {os.path.realpath(place) for place in places}
    return tuple(sorted(place for place in real if place.count("/") > 1 or place == "/usr"))


def _below(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place + "/") for place in places)


class Anywhere(Sandbox):
    """Every path that may hold data of the program.

    Args:
        home: a directory that each execution finds empty: paths below it are named from there, all others are absolute.
    """

    def __init__(self, home: str = "") -> None:
        super().__init__(home or "/nowhere")
        self._temporary = os.path.realpath(tempfile.gettempdir())
        self._python = _python()
        self._data = (os.path.realpath(os.getcwd()), self._temporary, _SHARED_MEMORY)
        self._base = ""  # a directory for temporary files of the program, once it has asked for one
        self._made: list[str] = []  # temporary files and directories made in this execution, elsewhere
        self._aliases: dict[str, str] = {}
        self._before: dict[str, object] = {}  # of each path: what was there when the threads were started
        self._moved: set[str] = set()  # paths of which that could not be told

    # -- which paths, and their names -----------------------------------------------------------------------------

    def relative(self, path: Any, dir_fd: Any = None) -> str | None:
        """An absolute path, temporary directories under a stable name; None for one that is not ours."""
        execution = _inside()
        if isinstance(path, int) or execution is None or (dir_fd is not None and dir_fd not in self.open):
            return None
        try:
            text = os.fsdecode(path)
        except TypeError:
            return None
        if dir_fd is not None:
            text = os.path.join(self.full(self.open[dir_fd].name), text)
        whole, self._whole = self._whole, 0  # looking where it leads is none of the program's business
        try:
            with quiet(execution):
                path = os.path.abspath(text)
                links: list[str] = []
                if os.path.realpath(path) != path:
                    path, links = _resolved(path)
                ours = [each for each in (path, *links) if self._is_data(each)]
                for each in ours:
                    self._compare(execution, each)
        finally:
            self._whole = whole
        return Placed(self._stable(path), path, map(self._stable, ours[1:])) if path in ours else None

    def _is_data(self, path: str) -> bool:
        if _below(path, (self.root,)):
            return True
        if _below(path, self._python) or "/__pycache__/" in path:
            return False
        return _below(path, self._data) or not _below(path, _SYSTEM)

    def _stable(self, path: str) -> str:
        if _below(path, (self.root,)):
            return path[len(self.root) + 1 :] or "."
        if self._base and _below(path, (self._base,)):
            return self._temporary + path[len(self._base) :]  # as it would be without us
        if not path.startswith(self._temporary + "/"):
            return path
        rest = path[len(self._temporary) + 1 :]
        found = _RANDOM_NAME.match(rest)
        if found is None:
            return path
        alias = self._aliases.get(found[0])
        if alias is None:
            alias = self._aliases[found[0]] = f"{self._temporary}/~{len(self._aliases) + 1}"
        return alias + rest[found.end() :]

    # -- what an execution leaves behind --------------------------------------------------------------------------

    def threads_begin(self, execution: Execution) -> None:
        """The first thread is about to be started: is there what was there in the execution before?"""
        seen: dict[str, int] = execution.notes.setdefault("paths", {})
        with quiet(execution):
            for path in self._moved:
                self._before.setdefault(path, _state(path))
            self._moved.clear()
            for path in [*self._before, *(each for each in seen if each not in self._before)]:
                seen[path] = _inode(path)
                self._check(execution, path)

    def _compare(self, execution: Execution, path: str) -> None:
        """Before the first access to a path in this execution."""
        seen: dict[str, int] = execution.notes.setdefault("paths", {})
        if path in seen or path in self._made or _below(path, (self.root, self._base or self.root)):
            return  # what we made for it we also remove
        seen[path] = _inode(path)
        if len(execution.tasks) == 1:
            return  # `threads_begin` will look
        if any(seen.get(above, -1) not in (-1, _inode(above)) for above in _above(path)):
            self._moved.add(path)  # what is here now was somewhere else when the threads were started
        else:
            self._check(execution, path)

    def _check(self, execution: Execution, path: str) -> None:
        now = _state(path)
        if self._before.setdefault(path, now) != now:
            execution.abort(
                NondeterminismError(
                    f"{path} was {_described(self._before[path])} when the threads of an earlier execution were "
                    f"started, and is {_described(now)} now: the execution before has left it so. The program is run "
                    "once for each order: let it make its files in a directory that it makes itself "
                    "(tempfile.mkdtemp()), or put them back at its beginning"
                )
            )
            raise Abandoned

    def begin(self) -> None:
        """Before an execution."""
        self.reset()
        self.clean()

    def clean(self) -> None:
        """Remove the temporary files and directories of an execution."""
        for path in (*self._made, self._base):
            if path:
                _remove(path)
        self._made.clear()
        if self._base:
            os.mkdir(self._base, 0o700)

    def close(self) -> None:
        """At the end of the exploration."""
        self.clean()
        if self._base:
            _remove(self._base)
        self._base = ""

    def end(self, execution: Execution) -> None:
        """At the end of an execution: texts of failures are the same in every process."""
        for n, found in enumerate(execution.failures):
            if self._base and self._base in found.error:
                execution.failures[n] = replace(found, error=found.error.replace(self._base, self._temporary))

    # -- temporary names ------------------------------------------------------------------------------------------

    def directory(self) -> str:
        """Where temporary files of an execution are made."""
        if not self._base:
            self._base = f"{self._temporary}/loadloom-{os.urandom(8).hex()}"
            os.mkdir(self._base, 0o700)
        return self._base

    def note(self, path: str) -> None:
        """A temporary file or directory was made."""
        if not self._base or not path.startswith(self._base):
            self._made.append(path)


def _resolved(path: str) -> tuple[str, list[str]]:
    """Where a path leads, its last part left alone; and the links passed on the way, and what it links to itself."""
    links: list[str] = []
    here = "/"
    parts = path.split("/")[1:]
    while parts and len(links) < _MOST_LINKS:
        here, above = os.path.join(here, parts.pop(0)), here
        if not os.path.islink(here):
            continue
        target = os.path.normpath(os.path.join(above, os.readlink(here)))
        if parts:
            links.append(here)
            parts, here = target.split("/")[1:] + parts, "/"
        else:
            links.append(target)
    return here, links


_TYPES: dict[object, str] = {stat.S_IFDIR: "a directory", stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a pipe"}


def _state(path: str) -> object:
    """What there is under a path."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return stat.S_IFMT(found.st_mode)
    if found.st_size > _CONTENT:
        return found.st_size
    try:
        with open(path, "rb") as file:
            return found.st_size, zlib.crc32(file.read())
    except OSError:
        return found.st_size


def _described(state: object) -> str:
    if state is None:
        return "missing"
    if isinstance(state, tuple):
        return f"a file of {state[0]} bytes (checksum {state[1]:x})"
    return _TYPES.get(state, f"a file of {state} bytes")


def _inode(path: str) -> int:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return 0


def _above(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)
        yield path


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.remove(path)


_real_mkdtemp = tempfile.mkdtemp


def _inside() -> Execution | None:
    """The execution one of whose tasks runs here, as part of a step or not."""
    execution = control.exploring()
    if execution is None or execution.current is None or control.outside() is not None:
        return None
    return execution


def _temporary_names(patches: Patches, box: Anywhere) -> None:
    module: Any = tempfile
    where, inner = module._gettempdir, module._mkstemp_inner
    names = Chance().names()

    def temporary_directory() -> str:
        execution = _inside()
        if execution is None:
            return str(where())
        with quiet(execution):
            return box.directory()

    def mkdtemp(suffix: Any = None, prefix: Any = None, dir: Any = None) -> Any:
        made = _real_mkdtemp(suffix, prefix, dir)
        if _inside() is not None:
            box.note(os.fsdecode(made))
        return made

    def mkstemp_inner(*args: Any) -> Any:
        made = inner(*args)
        if _inside() is not None:
            box.note(os.fsdecode(made[1]))
        return made

    patches.on_apply(lambda applied: applied.set(tempfile, "_get_candidate_names", lambda: names))
    for real, ours in ((where, temporary_directory), (_real_mkdtemp, mkdtemp), (inner, mkstemp_inner)):
        patches.value(real, ours)


def _quietly(real: Callable[..., Any]) -> Callable[..., Any]:
    """What reads source code for tracebacks is no step."""

    def read(*args: Any, **kw: Any) -> Any:
        execution = control.current()
        if execution is None:
            return real(*args, **kw)
        with quiet(execution):
            return real(*args, **kw)

    return read


def install(patches: Patches, box: Anywhere) -> None:
    """Add all files that are not Python's or the system's to ``patches``."""
    import linecache

    files.install(patches, box)
    _temporary_names(patches, box)
    threads.before_first(patches, box.threads_begin)
    for real in (linecache.updatecache, linecache.checkcache):
        patches.value(real, _quietly(real))
    closing = False

    def close_at_the_end(patches: Patches) -> None:
        nonlocal closing
        if not closing:
            closing = True
            patches.later(box.close)

    patches.on_apply(close_at_the_end)
