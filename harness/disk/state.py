"""What is found after a stop: a tree of names, in canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from .table import EMPTY_DIRECTORY, ROOT, Names, Node, Symlink, Table

Content = bytes | Symlink | None
"""A file's bytes, a symbolic link, or None for a directory."""


@dataclass(frozen=True, order=False)
class State:
    """A tree as found: equal where nobody could tell two apart by looking.

    Attributes:
        entries: (path, content) of everything below the root, sorted by path.
        shared: paths of one file with several names, each group sorted; sorted.
    """

    entries: tuple[tuple[str, Content], ...]
    shared: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The files and what they hold."""
        return {path: content for path, content in self.entries if isinstance(content, bytes)}

    @cached_property
    def digest(self) -> str:
        """Ten hexadecimal digits that stand for it in tokens."""
        hashed = blake2b(digest_size=5)
        for part in (*self.entries, *self.shared):
            hashed.update(repr(part).encode("utf-8", "surrogatepass"))
        return hashed.hexdigest()

    def __str__(self) -> str:
        return "{" + " ".join(_shown(path, content) for path, content in self._leaves()) + "}"

    def _leaves(self) -> Iterator[tuple[str, Content]]:
        """Everything but directories that are not empty."""
        above = {path.rpartition("/")[0] for path, _ in self.entries}
        return ((path, content) for path, content in self.entries if content is not None or path not in above)


def _shown(path: str, content: Content) -> str:
    if content is None:
        return f"{path}/"
    if isinstance(content, Symlink):
        return f"{path}->{content.target}"
    return f"{path}={shown_bytes(content)}"


def shown_bytes(content: bytes) -> str:
    """Bytes for people: ``∅`` for none, ``0`` for a NUL byte where all are, the text where it is text."""
    if not content:
        return "∅"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return repr(content)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "␀" if c == "\0" else repr(c)[1:-1] for c in text)


def canonical(table: Table) -> State:
    """What a repair tool leaves of a table: what cannot be reached vanishes, and so does a name that leads nowhere."""
    found: list[tuple[str, Content]] = []
    names: dict[int, list[str]] = {}
    _walk(table, ROOT, "", (ROOT,), found, names)
    found.sort(key=lambda entry: entry[0])
    shared = sorted(tuple(sorted(paths)) for paths in names.values() if len(paths) > 1)
    return State(tuple(found), tuple(shared))


def _walk(
    table: Table,
    directory: int,
    path: str,
    above: tuple[int, ...],
    found: list[tuple[str, Content]],
    names: dict[int, list[str]],
) -> None:
    node = table.get(directory, EMPTY_DIRECTORY)
    assert isinstance(node, frozenset)
    for name, inode in node:
        child = table.get(inode)
        if child is None or inode in above:  # it leads nowhere, or round in a circle
            continue
        full = f"{path}{name}"
        if isinstance(child, frozenset):
            found.append((full, None))
            _walk(table, inode, f"{full}/", (*above, inode), found, names)
        else:
            found.append((full, child))
            names.setdefault(inode, []).append(full)


def table_of(entries: Iterable[tuple[str, Content]], shared: Iterable[tuple[str, ...]] = ()) -> Table:
    """A table that looks like this; directories above an entry need not be listed."""
    table: Table = {ROOT: EMPTY_DIRECTORY}
    known: dict[str, int] = {"": ROOT}
    same = {path: group[0] for group in shared for path in group}
    for path, content in sorted(entries, key=lambda entry: entry[0]):
        _add(table, known, path, EMPTY_DIRECTORY if content is None else content, same.get(path, path))
    return table


def _add(table: Table, known: dict[str, int], path: str, node: Node, one: str) -> int:
    if path in known:
        return known[path]
    above, _, name = path.rpartition("/")
    directory = known[above] if above in known else _add(table, known, above, EMPTY_DIRECTORY, above)
    inode = known[one] if one in known else max(table) + 1
    table.setdefault(inode, node)
    names = table[directory]
    assert isinstance(names, frozenset)
    table[directory] = names | {(name, inode)}
    known[path] = inode
    return inode


def state_of(entries: Iterable[tuple[str, Content]], shared: Iterable[tuple[str, ...]] = ()) -> State:
    """The canonical form of these entries."""
    return canonical(table_of(entries, shared))


__all__ = ["Content", "Names", "State", "canonical", "shown_bytes", "state_of", "table_of"]
