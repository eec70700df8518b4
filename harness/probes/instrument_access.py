"""What an access of an attribute, an item or a whole container touches, as resources.

A container is three resources: what it holds as a whole, every item, and each item by its key. So writes of different
keys commute, looking over the whole (``len``, iteration) conflicts with every write, `append` or `clear`
with everything.
"""

from __future__ import annotations

import _thread
import enum
from collections import deque
from functools import cached_property
from types import ModuleType
from typing import Any

from ..trace import ADD, READ, WRITE, Accesses
from .instrument_names import HEAP, Names

CONTAINERS = (list, dict, set, deque, bytearray)
_MISSING = object()
_PLAIN, _DATA, _CACHED = "plain", "data", "cached"
_NOT_SHARED = (_thread._local, str, int, float, bytes, tuple, frozenset, enum.Enum, ModuleType)
_written: dict[str, set[str]] = {}  # module -> globals that instrumented code writes


def written_globals(found: dict[str, set[str]]) -> None:
    """Which globals are shared, for the time of an exploration."""
    _written.clear()
    _written.update(found)


def is_global(module: str, name: str) -> bool:
    """Whether instrumented code writes a global."""
    return name in _written.get(module, ())


# -- attributes --------------------------------------------------------------------------------------------------


def _classify(cls: type, name: str) -> Any:
    """`_PLAIN` (no step), `_DATA`, `_CACHED`, or the class whose attribute is the default of an instance's."""
    if issubclass(cls, _NOT_SHARED) or name in ("__class__", "__dict__"):
        return _PLAIN
    for base in cls.__mro__:
        held = base.__dict__.get(name, _MISSING)
        if held is _MISSING:
            continue
        kind = type(held)
        if kind.__name__ == "member_descriptor":
            return _DATA if cls.__flags__ & HEAP else _PLAIN
        if kind is cached_property:
            return _CACHED
        if hasattr(kind, "__set__") or hasattr(kind, "__delete__"):
            return _PLAIN  # a property: its own code is instrumented or is not
        if hasattr(kind, "__get__"):
            return None  # a method, unless an instance has its own
        return base if base.__flags__ & HEAP else _PLAIN
    return _DATA if cls.__flags__ & HEAP or (hasattr(cls, "__dictoffset__") and cls.__dictoffset__) else _PLAIN


def _space(obj: Any) -> Any:
    try:
        return object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return ()


def attribute(names: Names, obj: Any, name: str, mode: str) -> Accesses | None:
    """What reading or writing an attribute touches; None where that is no step."""
    cls = type(obj)
    if isinstance(obj, type):
        return _class_attribute(names, obj, name, mode)
    if cls is ModuleType:
        if mode == READ and not is_global(obj.__name__, name):
            return None
        return ((f"global {obj.__name__}.{name}", mode),)
    try:
        kind = names.kinds[cls, name]
    except KeyError:
        kind = names.kinds[cls, name] = _classify(cls, name)
    if kind is _PLAIN:
        return None
    if kind is _DATA:
        return ((f"attr {names.of(obj)}.{name}", mode),)
    present = name in _space(obj)
    if kind is _CACHED:
        return ((f"attr {names.of(obj)}.{name}", mode if present else WRITE),)
    if kind is None:
        return ((f"attr {names.of(obj)}.{name}", mode),) if present or mode != READ else None
    own = (f"attr {names.of(obj)}.{name}", mode)
    if present or mode != READ:
        return (own,)
    return (own, (f"attr {kind.__module__}.{kind.__qualname__}.{name}", READ))


def _class_attribute(names: Names, cls: type, name: str, mode: str) -> Accesses | None:
    if not cls.__flags__ & HEAP or isinstance(cls, enum.EnumMeta) or name.startswith("__"):
        return None
    if mode != READ:
        names.kinds.clear()
        return ((f"attr {cls.__module__}.{cls.__qualname__}.{name}", mode),)
    if name in vars(type(cls)):
        return None
    touched = []
    for base in cls.__mro__:
        if not base.__flags__ & HEAP:
            break
        touched.append((f"attr {base.__module__}.{base.__qualname__}.{name}", READ))
        if name in base.__dict__:
            return None if hasattr(type(base.__dict__[name]), "__get__") else tuple(touched)
    return None


def every_attribute(names: Names, obj: Any) -> Accesses:
    """What looking at an object as a whole touches."""
    space = _space(obj)
    if type(space) is not dict or not type(obj).__flags__ & HEAP or isinstance(obj, (type, ModuleType, *_NOT_SHARED)):
        return ()
    name = names.of(obj)
    return tuple((f"attr {name}.{key}", READ) for key in space if isinstance(key, str) and not key.startswith("__"))


# -- containers --------------------------------------------------------------------------------------------------


def _key(key: Any) -> str | None:
    """A key as text; equal keys have equal texts. None where that cannot be told."""
    if isinstance(key, str):
        return repr(str.__str__(key)) if type(key).__hash__ is str.__hash__ else None
    if type(key) in (int, bool):
        return repr(int(key))
    if key is None or type(key) is bytes:
        return repr(key)
    if type(key) is float:
        return repr(int(key)) if key.is_integer() else repr(key)
    if type(key) is tuple:
        parts = [_key(each) for each in key]
        return None if None in parts else f"({', '.join(part for part in parts if part)})"
    return None


def whole(names: Names, obj: Any, mode: str) -> Accesses:
    """What looking over a container (or changing all of it) touches."""
    name = names.of(obj)
    if mode == READ:
        return ((f"items {name}", READ),)
    return ((f"items {name}", WRITE), (f"each {name}", WRITE))


def item(names: Names, obj: Any, key: Any, mode: str) -> Accesses | None:
    """What an access to one item touches; None where that is no step."""
    cls = type(obj)
    if not isinstance(obj, CONTAINERS):
        if cls in _IMMUTABLE or isinstance(obj, (type, *_NOT_SHARED)) or not _opaque(cls):
            return None
        return ((f"items {names.of(obj)}", mode),)
    keyed = isinstance(obj, (dict, set))
    if not keyed and not (type(key) is int and key >= 0):
        return whole(names, obj, mode)
    text = _key(key)
    new = keyed
    if text is not None and keyed:
        new = not (dict if isinstance(obj, dict) else set).__contains__(obj, key)  # type: ignore[operator]
    if mode == READ and new and isinstance(obj, dict) and hasattr(cls, "__missing__"):
        mode = WRITE  # a defaultdict fills it in
    name = names.of(obj)
    if text is None:  # a key that may equal any other
        if mode == READ:
            return ((f"items {name}", READ),)
        return whole(names, obj, WRITE)
    one, each = (f"item {name}[{text}]", mode), (f"each {name}", READ)
    if mode == READ:
        return (one, each)
    return (one, each, (f"items {name}", WRITE if new and isinstance(obj, dict) else ADD))


_IMMUTABLE = frozenset({range, slice, memoryview, type(type.__dict__), type(None), complex, bool})


def _opaque(cls: type) -> bool:
    """Whether items of a class are kept by code that we do not see: C, or Python that is not instrumented."""
    getter = getattr(cls, "__getitem__", None)
    code = getattr(getter, "__code__", None)
    return getter is not None and hasattr(cls, "__setitem__") and (code is None or code not in instrumented)


instrumented: set[Any] = set()
"""Codes that announce their own accesses, for the time of an exploration."""
