"""Every state in which a disk may be found after a stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .atom import DATA, Atom
from .disk import Disk
from .journal import BARRIERS, Entry
from .models import Model
from .state import State, canonical
from .table import Effect, Link, Table

FULL_UP_TO = 20_000
"""Partial selections looked at before the full enumeration gives way to the bound."""

FULL, ALICE = "full", "ALICE bound"


@dataclass(frozen=True)
class CrashStates:
    """What may be found.

    Attributes:
        states: in a fixed order: by their digest.
        how: ``full``, or ``ALICE bound``: every prefix of the updates, every prefix less one, and each update alone
            (Pillai et al., OSDI 2014).
    """

    states: tuple[State, ...]
    how: str = FULL


def crash_states(disk: Disk, how: str = "", bound: int = FULL_UP_TO) -> CrashStates:
    """Every state in which the disk may be found if everything stops now.

    Args:
        disk: with what was done until now.
        how: ``full`` or ``ALICE bound``; by default full as long as it stays within ``bound``.
        bound: partial selections.
    """
    if disk.model.process:
        return CrashStates((canonical(disk.memory),))
    if how != ALICE:
        found = _full(disk, None if how == FULL else bound)
        if found is not None:
            return CrashStates(_sorted(found))
    return CrashStates(_sorted(_alice(disk)), ALICE)


def _sorted(states: Iterable[State]) -> tuple[State, ...]:
    return tuple(sorted(states, key=lambda state: state.digest))


# -- full ----------------------------------------------------------------------------------------------------


def _full(disk: Disk, bound: int | None) -> set[State] | None:
    """All of them; None where the bound was met.

    Atom by atom in program order. Selections that led to one table and to the same possibilities are one.
    """
    later = _needed_later(disk)
    named_later = _named_later(disk)
    front: dict[tuple[object, frozenset[int]], Table] = {(_key(disk.base), frozenset()): disk.base}
    for atom, still, named in zip(disk.atoms, later, named_later):
        front = dict(_take_or_leave(front, atom, disk, still, named))
        if bound is not None and len(front) > bound:
            return None
    return {canonical(table) for table in front.values()}


def _needed_later(disk: Disk) -> list[frozenset[int]]:
    """For each atom, which of it and those before it some atom after it needs."""
    needed: set[int] = set()
    found = []
    for atom in reversed(disk.atoms):
        found.append(frozenset(n for n in needed if n <= atom.number))
        needed |= atom.needs
    return found[::-1]


def _named_later(disk: Disk) -> list[bool]:
    """For each atom, whether some atom after it gives its inode a name."""
    named: set[int] = set()
    found = []
    for atom in reversed(disk.atoms):
        found.append(atom.inode in named)
        named |= {effect.inode for effect in atom.whole if isinstance(effect, Link)}
    return found[::-1]


def _take_or_leave(
    front: dict[tuple[object, frozenset[int]], Table],
    atom: Atom,
    disk: Disk,
    still: frozenset[int],
    named_later: bool,
) -> Iterator[tuple[tuple[object, frozenset[int]], Table]]:
    content = not named_later and (atom.kind is DATA or atom.resizes)
    durable = atom.number in disk.durable
    variants = (atom.whole,) if durable else atom.variants
    needs = atom.needs - disk.poisoned - disk.durable
    for (key, chosen), table in front.items():
        if not durable:
            yield (key, chosen & still), table
        if not needs <= chosen and not durable:
            continue
        with_it = (chosen | {atom.number}) & still
        if content and not _has_name(table, atom.inode):  # nobody will ever see it
            yield (key, with_it), table
            continue
        for effects in variants:
            other = _after(table, effects)
            yield (_key(other), with_it), other


def _has_name(table: Table, inode: int) -> bool:
    return any(inode == other for node in table.values() if isinstance(node, frozenset) for _, other in node)


def _after(table: Table, effects: Sequence[Effect]) -> Table:
    other = dict(table)
    for effect in effects:
        effect.apply(other)
    return other


def _key(table: Table) -> object:
    return frozenset(table.items())


# -- the bound -----------------------------------------------------------------------------------------------


def _alice(disk: Disk) -> set[State]:
    pending = disk.pending()
    selections: dict[tuple[tuple[int, int], ...], None] = {}
    for end in range(len(pending) + 1):
        prefix = pending[:end]
        _select(selections, disk, prefix, prefix[-1] if prefix else None)
        for dropped in prefix:
            _select(selections, disk, [a for a in prefix if a is not dropped])
    for atom in pending:
        _select(selections, disk, _with_needs(disk, atom), atom)
    return {_emit(disk, dict(selection)) for selection in selections}


def _select(
    selections: dict[tuple[tuple[int, int], ...], None], disk: Disk, atoms: list[Atom], torn: Atom | None = None
) -> None:
    """Keep what can be of a selection, whole, and with each variant of the atom that may be torn."""
    kept: dict[int, int] = {}
    for atom in atoms:
        if all(n in kept for n in atom.needs - disk.poisoned - disk.durable):
            kept[atom.number] = 0
    selections[tuple(kept.items())] = None
    if torn is not None and torn.number in kept:
        for variant in range(1, len(torn.variants)):
            selections[tuple({**kept, torn.number: variant}.items())] = None


def _with_needs(disk: Disk, atom: Atom) -> list[Atom]:
    by_number = {a.number: a for a in disk.pending()}
    wanted: set[int] = set()
    todo = [atom.number]
    while todo:
        number = todo.pop()
        if number in wanted or number not in by_number:
            continue
        wanted.add(number)
        todo += by_number[number].needs - disk.poisoned
    return [by_number[n] for n in sorted(wanted)]


def _emit(disk: Disk, chosen: dict[int, int]) -> State:
    table = dict(disk.base)
    for atom in disk.atoms:
        if atom.number in disk.durable:
            effects = atom.whole
        elif atom.number in chosen:
            effects = atom.variants[chosen[atom.number]]
        else:
            continue
        for effect in effects:
            effect.apply(table)
    return canonical(table)


# -- crash points --------------------------------------------------------------------------------------------


def crash_points(entries: Sequence[Entry], model: Model) -> list[int]:
    """After how many entries a crash need be looked at so that no state is missed.

    Between two syncs the updates that may be lost only grow, so what may be found at a place may be found just before
    the next sync too. It does not hold across a mark, which somebody saw, and not for a process that dies, which leaves
    what it saw.
    """
    if model.process:
        return list(range(len(entries) + 1))
    return [n for n, entry in enumerate(entries) if isinstance(entry, BARRIERS)] + [len(entries)]
