"""Real directories: read one as a state, lay a state down in one, and see whether a journal knew all that was done."""

from __future__ import annotations

import os
import shutil
import stat

from ..errors import UsageError
from .state import Content, State, shown_bytes, state_of
from .table import Symlink

MOST_FILES = 10_000
MOST_BYTES = 256 * 1024 * 1024


def read_tree(root: str) -> State:
    """What is below a directory.

    Raises:
        UsageError: it is too much to be held in memory, or holds something that is no file, directory or link.
    """
    entries: list[tuple[str, Content]] = []
    names: dict[tuple[int, int], list[str]] = {}
    size = 0
    todo = [""]
    while todo:
        folder = todo.pop()
        for name in sorted(os.listdir(os.path.join(root, folder))):
            path = f"{folder}/{name}" if folder else name
            found = os.lstat(os.path.join(root, path))
            size += found.st_size if stat.S_ISREG(found.st_mode) else 0
            if len(entries) >= MOST_FILES or size > MOST_BYTES:
                raise UsageError(
                    f"{root}: more than {MOST_FILES} files or {MOST_BYTES >> 20} MiB; a root holds only what the "
                    "program under test works on"
                )
            entries.append((path, _content(os.path.join(root, path), found)))
            if stat.S_ISDIR(found.st_mode):
                todo.append(path)
            elif found.st_nlink > 1:
                names.setdefault((found.st_dev, found.st_ino), []).append(path)
    entries.sort(key=lambda entry: entry[0])
    shared = sorted(tuple(sorted(group)) for group in names.values() if len(group) > 1)
    return State(tuple(entries), tuple(shared))


def _content(path: str, found: os.stat_result) -> Content:
    if stat.S_ISDIR(found.st_mode):
        return None
    if stat.S_ISLNK(found.st_mode):
        return Symlink(os.readlink(path))
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path}: neither a file, a directory nor a symbolic link")
    with open(path, "rb") as file:
        return file.read()


def clear(root: str) -> None:
    """Remove everything below a directory."""
    for name in sorted(os.listdir(root)):
        path = os.path.join(root, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def write_tree(state: State, root: str) -> None:
    """Make a directory look like a state, whatever it held."""
    clear(root)
    first = {path: group[0] for group in state.shared for path in group}
    for path, content in state.entries:  # a directory sorts before what is in it
        full = os.path.join(root, path)
        if content is None:
            os.mkdir(full)
        elif isinstance(content, Symlink):
            os.symlink(content.target, full)
        elif first.get(path, path) != path:
            os.link(os.path.join(root, first[path]), full)
        else:
            fd = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                _write_all(fd, content)
            finally:
                os.close(fd)


def _write_all(fd: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def difference(known: State, real: State) -> str:
    """What was done past the journal, for people; empty where nothing was."""
    before, after = dict(known.entries), dict(real.entries)
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            return f"{path} is gone"
        if path not in before:
            return f"{path} came from nowhere"
        if before[path] != after[path]:
            return f"{path} holds {_short(after[path])} and not {_short(before[path])}"
    return "" if known.shared == real.shared else "other names share a file"


def _short(content: Content) -> str:
    if content is None:
        return "a directory"
    if isinstance(content, Symlink):
        return f"a link to {content.target}"
    text = shown_bytes(content)
    return text if len(text) <= 40 else f"{text[:37]}... ({len(content)} bytes)"


__all__ = ["clear", "difference", "read_tree", "state_of", "write_tree"]
