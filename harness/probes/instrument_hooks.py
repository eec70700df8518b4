"""What rewritten code calls: announce an access of attributes, items and variables, then hand back what was given.

Each begins with the cheapest test there is for "no execution": then it does nothing.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Accesses, Operation
from . import instrument_access as access
from .instrument_names import names_of

KINDS = {READ: "read", WRITE: "write"}


def _set(value: Any) -> str:
    """Sorted: the order of a set is another in each process."""
    return f"{{{', '.join(sorted(map(repr, value)))}}}" if value else repr(value)


def show(execution: Execution, value: Any) -> str:
    """A value for people; never an address."""
    with quiet(execution):
        try:
            text = _set(value) if isinstance(value, (set, frozenset)) else repr(value)
        except Exception:
            text = " at 0x"
    return text if len(text) <= 40 and " at 0x" not in text else type(value).__name__


def perform(execution: Execution, mode: str, accesses: Accesses, look: Callable[[], str] | None = None) -> None:
    """Announce an access; ``look`` tells what to show of it, once it is this task's turn."""
    operation = Operation(KINDS[mode], accesses)
    execution.perform(operation)
    if look is not None and execution.detailed:
        operation.detail = look()


# -- attributes --------------------------------------------------------------------------------------------------


def _seen(execution: Execution, obj: Any, name: str) -> str:
    try:
        with quiet(execution):
            value = object.__getattribute__(obj, name)
    except AttributeError:
        return f"no {name}"
    return f"{name} is {show(execution, value)}"


def read_attr(obj: Any, name: str) -> Any:
    """Before ``obj.name``; returns ``obj``."""
    if control._active is None:
        return obj
    execution = control.current()
    if execution is not None:
        accesses = access.attribute(names_of(execution), obj, name, READ)
        if accesses:
            if execution.detailed:
                perform(execution, READ, accesses, lambda: _seen(execution, obj, name))
            else:
                execution.perform(Operation("read", accesses))
    return obj


def write_attr(value: Any, obj: Any, name: str) -> Any:
    """Before ``obj.name = value``; returns ``value``."""
    if control._active is None:
        return value
    execution = control.current()
    if execution is not None:
        names = names_of(execution)
        accesses = access.attribute(names, obj, name, WRITE)
        if accesses:
            names.adopt(value)
            operation = Operation("write", accesses)
            if execution.detailed:
                operation.detail = f"{name} = {show(execution, value)}"
            execution.perform(operation)
    return value


def store_attr(obj: Any, name: str) -> Any:
    """Before ``obj.name = ...`` of a value not at hand; returns ``obj``."""
    if control._active is None:
        return obj
    execution = control.current()
    if execution is not None:
        accesses = access.attribute(names_of(execution), obj, name, WRITE)
        if accesses:
            perform(execution, WRITE, accesses)
    return obj


unset_attr = store_attr


# -- items -------------------------------------------------------------------------------------------------------


def _touch(obj: Any, key: Any, mode: str, value: Any = None) -> None:
    execution = control.current()
    if execution is None:
        return
    names = names_of(execution)
    accesses = access.item(names, obj, key, mode)
    if accesses:
        if mode == WRITE:
            names.adopt(value)
        operation = Operation(KINDS[mode], accesses)
        execution.perform(operation)
        if execution.detailed:
            operation.detail = _item(execution, obj, key, mode, value)


def _item(execution: Execution, obj: Any, key: Any, mode: str, value: Any) -> str:
    where = f"[{show(execution, key)}]"
    if mode == WRITE:
        return f"{where} = {show(execution, value)}"
    try:
        held = (dict.get if isinstance(obj, dict) else list.__getitem__)(obj, key)
    except (TypeError, LookupError):
        return where
    return f"{where} is {show(execution, held)}"


def item(obj: Any, key: Any) -> Any:
    """Before ``obj[key]``; returns ``obj``."""
    if control._active is not None:
        _touch(obj, key, READ)
    return obj


def place(obj: Any, key: Any) -> tuple[Any, Any]:
    """Before ``obj[key]``; returns both."""
    if control._active is not None:
        _touch(obj, key, READ)
    return obj, key


def write_item(value: Any, obj: Any, key: Any) -> Any:
    """Before ``obj[key] = value``; returns ``value``."""
    if control._active is not None:
        _touch(obj, key, WRITE, value)
    return value


def place_value(value: Any, obj: Any, key: Any) -> tuple[Any, Any, Any]:
    """Before ``obj[key] = value``; returns what `operator.setitem` wants."""
    if control._active is not None:
        _touch(obj, key, WRITE, value)
    return obj, key, value


def store_item(obj: Any, key: Any) -> Any:
    """Before ``obj[key] = ...`` of a value not at hand; returns ``key``."""
    if control._active is not None:
        _touch(obj, key, WRITE)
    return key


def unset_item(obj: Any, key: Any) -> tuple[Any, Any]:
    """Before ``del obj[key]``; returns both."""
    if control._active is not None:
        execution = control.current()
        if execution is not None:
            names = names_of(execution)
            if isinstance(obj, access.CONTAINERS):
                perform(execution, WRITE, access.whole(names, obj, WRITE), lambda: f"del [{show(execution, key)}]")
            else:
                _touch(obj, key, WRITE)
    return obj, key


# -- variables ---------------------------------------------------------------------------------------------------


def read_global(name: str) -> None:
    """Before a global is read."""
    if control._active is None:
        return
    execution = control.current()
    if execution is not None:
        names_of(execution)
        space = sys._getframe(1).f_globals if execution.detailed else {}
        short = name.rpartition(".")[2]
        perform(
            execution, READ, ((f"global {name}", READ),), lambda: f"{short} is {show(execution, space.get(short))}"
        )


def write_global(value: Any, name: str) -> Any:
    """Before a global is written; returns ``value``."""
    if control._active is None:
        return value
    execution = control.current()
    if execution is not None:
        names_of(execution).adopt(value)
        short = name.rpartition(".")[2]
        perform(execution, WRITE, ((f"global {name}", WRITE),), lambda: f"{short} = {show(execution, value)}")
    return value


def _cell(execution: Execution, probe: Any, name: str, own: bool) -> tuple[Any, str]:
    cell = probe.__closure__[0]
    names = names_of(execution)
    found = names.known.get(id(cell))
    if found is not None:
        return cell, found[1]
    return cell, (names.name if own else names.late)(cell, f"cell {name}")


def read_cell(probe: Any, name: str, own: bool) -> None:
    """Before a captured variable is read; ``probe`` is a lambda that captures it too."""
    if control._active is None:
        return
    execution = control.current()
    if execution is not None:
        cell, resource = _cell(execution, probe, name, own)
        perform(execution, READ, ((resource, READ),), lambda: f"{name} is {show(execution, _inside(cell))}")


def write_cell(value: Any, probe: Any, name: str, own: bool) -> Any:
    """Before a captured variable is written; returns ``value``."""
    if control._active is None:
        return value
    execution = control.current()
    if execution is not None:
        _, resource = _cell(execution, probe, name, own)
        names_of(execution).adopt(value)
        perform(execution, WRITE, ((resource, WRITE),), lambda: f"{name} = {show(execution, value)}")
    return value


def born(obj: Any) -> None:
    """At the beginning of ``__init__``."""
    if control._active is not None:
        execution = control.current()
        if execution is not None:
            names_of(execution).born(obj)


def _inside(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


C_FUNCTIONS = {
    name: getattr(operator, name)
    for name in (  # noqa: SIM905
        "getitem setitem delitem contains add sub or_ and_ xor mul eq ne lt le gt ge iadd isub imul imatmul itruediv "
        "ifloordiv imod ipow ilshift irshift ior iand ixor"
    ).split()
}
HOOKS: dict[str, Any] = {
    hook.__name__: hook
    for hook in (
        read_attr, write_attr, store_attr, item, place, write_item, place_value, store_item, unset_item,
        read_global, write_global, read_cell, write_cell, born,
    )
} | {"unset_attr": unset_attr, "slice": slice} | C_FUNCTIONS  # fmt: skip
