"""What rewritten code calls around calls, loops and whole containers."""

from __future__ import annotations

import builtins
import gc
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from functools import lru_cache, partial
from types import BuiltinFunctionType, FunctionType
from typing import Any

from ..runtime import control
from ..runtime.execution import Execution
from ..trace import READ, WRITE, Accesses, Operation
from . import instrument_access as access
from .instrument_access import CONTAINERS
from .instrument_hooks import HOOKS, KINDS, show
from .instrument_names import names_of

_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_BY_KEY = dict.fromkeys(("get", "__getitem__", "__contains__"), READ)
_BY_KEY |= dict.fromkeys(("add", "setdefault", "__setitem__"), WRITE)
_READING = frozenset(
    """copy count index keys values items __len__ __iter__ __contains__ __eq__ isdisjoint issubset issuperset union
    intersection difference symmetric_difference startswith endswith find rfind decode hex split strip most_common
    elements total""".split()  # noqa: SIM905
)
_MAKERS = frozenset({list, dict, set, deque, defaultdict, OrderedDict, Counter, bytearray})
_BUILTINS = frozenset(
    getattr(builtins, name)
    for name in "len tuple sorted sum min max any all frozenset reversed str repr bool bytes print iter next".split()  # noqa: SIM905
)
_LAZY = frozenset({enumerate, zip, map, filter})
_MODULES = frozenset({"_heapq", "_bisect", "_collections", "_functools", "_json", "math", "itertools", "_operator"})
_BY_NAME = {getattr: READ, hasattr: READ, setattr: WRITE, delattr: WRITE}
_CHANGING = frozenset(
    """heappush heappop heapify heapreplace heappushpop insort insort_left insort_right setitem delitem iadd ior
    iconcat""".split()  # noqa: SIM905
)
_PYTHON = frozenset(
    {("copy", "copy"), ("copy", "deepcopy"), ("json", "dumps"), ("random", "choice"), ("random", "shuffle")}
)


def _announce(execution: Execution, mode: str, accesses: Accesses, detail: str) -> None:
    if accesses:
        operation = Operation(KINDS[mode], accesses)
        if execution.detailed:
            operation.detail = detail
        execution.perform(operation)


def _under(obj: Any) -> Any:
    """The container that a value is or is a view of; None where it is neither."""
    if isinstance(obj, CONTAINERS):
        return obj
    if isinstance(obj, _VIEWS):
        return next((each for each in gc.get_referents(obj) if isinstance(each, dict)), None)
    return None


def _read_all(execution: Execution, values: Any) -> Accesses:
    names = names_of(execution)
    found: Accesses = ()
    for value in values:
        under = _under(value)
        if under is not None:
            found += access.whole(names, under, READ)
    return found


# -- values ------------------------------------------------------------------------------------------------------


def value(obj: Any) -> Any:
    """Before a value is looked at as a whole: its truth, its items, its text."""
    if control._active is None:
        return obj
    execution = control.current()
    if execution is not None and isinstance(obj, (*CONTAINERS, *_VIEWS)):
        _announce(execution, READ, _read_all(execution, (obj,)), "look over it")
    return obj


def pair(left: Any, right: Any) -> tuple[Any, Any]:
    """Before an operator that looks at both."""
    if control._active is not None:
        execution = control.current()
        if execution is not None:
            _announce(execution, READ, _read_all(execution, (left, right)), "look over it")
    return left, right


def inplace(left: Any, right: Any) -> tuple[Any, Any]:
    """Before an in-place operator: a container changes."""
    if control._active is not None:
        execution = control.current()
        if execution is not None and (isinstance(left, CONTAINERS) or isinstance(right, CONTAINERS)):
            accesses = _read_all(execution, (right,))
            if isinstance(left, CONTAINERS):
                accesses = access.whole(names_of(execution), left, WRITE) + accesses
            _announce(execution, WRITE, accesses, "change it in place")
    return left, right


def among(key: Any, obj: Any) -> tuple[Any, Any]:
    """Before ``key in obj``; returns what `operator.contains` wants."""
    if control._active is not None:
        execution = control.current()
        if execution is not None:
            _announce(execution, READ, _membership(execution, obj, key), "")
    return obj, key


def _membership(execution: Execution, obj: Any, key: Any) -> Accesses:
    names = names_of(execution)
    if isinstance(obj, (dict, set)):
        return _no_fill(access.item(names, obj, key, READ) or ())
    return _read_all(execution, (obj,))


def _no_fill(accesses: Accesses) -> Accesses:
    """`get` and `in` do not fill a defaultdict in."""
    return tuple((name, READ) for name, _ in accesses)


def subject(obj: Any) -> Any:
    """Before patterns look at a value."""
    if control._active is not None:
        execution = control.current()
        if execution is not None:
            looked = _read_all(execution, (obj,)) or access.every_attribute(names_of(execution), obj)
            _announce(execution, READ, looked, "match")
    return obj


def new(obj: Any) -> Any:
    """After a container is made: its name says by whom."""
    if control._active is not None:
        execution = control.current()
        if execution is not None:
            names_of(execution).adopt(obj)
    return obj


class Stepper:
    """An iterator whose every look at its container is a step."""

    __slots__ = ("_accesses", "_execution", "_next", "_over")

    def __init__(self, execution: Execution, over: Any, accesses: Accesses) -> None:
        self._execution = execution
        self._over = over  # keeps a view's iterator and its container
        self._next = over.__next__
        self._accesses = accesses

    def __iter__(self) -> Stepper:
        return self

    def __next__(self) -> Any:
        if control.current() is self._execution:
            _announce(self._execution, READ, self._accesses, "next item")
        return self._next()


def iterate(obj: Any) -> Any:
    """Before a loop over a value."""
    if control._active is None:
        return obj
    execution = control.current()
    if execution is None or not isinstance(obj, (*CONTAINERS, *_VIEWS)):
        return obj
    if not _in_c(type(obj), "__iter__"):
        return obj  # a class with an iterator of its own
    iterator: Any = iter(obj)  # type: ignore[call-overload]
    return Stepper(execution, iterator, _read_all(execution, (obj,)))


# -- calls -------------------------------------------------------------------------------------------------------


def _made_in_c(cls: Any, name: str) -> bool:
    return not hasattr(getattr(cls, name, None), "__code__")


_in_c: Callable[[Any, str], bool] = lru_cache(maxsize=4096)(_made_in_c)


class Receiver:
    """Stands for a container while a method of it is called: the call is announced when its arguments are there."""

    __slots__ = ("_execution", "_obj")

    def __init__(self, execution: Execution, obj: Any) -> None:
        self._execution = execution
        self._obj = obj

    def __getattr__(self, name: str) -> Any:
        return partial(_run_method, self._execution, self._obj, name, getattr(self._obj, name))


def _run_method(execution: Execution, obj: Any, name: str, bound: Any, /, *args: Any, **kw: Any) -> Any:
    if control.current() is execution:
        names = names_of(execution)
        mode = _BY_KEY.get(name)
        accesses: Accesses | None
        if isinstance(obj, str):
            mode, accesses = READ, ()
        elif mode is not None and args and isinstance(obj, (dict, set)):
            accesses = access.item(names, obj, args[0], mode)
            if mode == READ and name != "__getitem__":
                accesses = _no_fill(accesses or ())
        else:
            mode = READ if name in _READING else WRITE
            accesses = access.whole(names, obj, mode)
        if mode == WRITE:
            for each in args:
                names.adopt(each)
        detail = f"{name}({', '.join(show(execution, each) for each in args)})" if execution.detailed else ""
        _announce(execution, mode, (accesses or ()) + _read_all(execution, args), detail)
        result = bound(*args, **kw)
        if isinstance(result, CONTAINERS):
            names.adopt(result)
        return result
    return bound(*args, **kw)


def method(obj: Any, name: str) -> Any:
    """Before ``obj.name(...)``; returns ``obj``, or what stands for it."""
    if control._active is None:
        return obj
    execution = control.current()
    if execution is None:
        return obj
    cls = type(obj)
    if isinstance(obj, CONTAINERS):
        if _in_c(cls, name) and hasattr(cls, name):
            return Receiver(execution, obj)
    elif cls is str:
        return Receiver(execution, obj) if name == "join" else obj
    found = None
    if type(obj) is _MODULE:
        found = vars(obj).get(name)
        if found is not None and _wrapped(found) is not None:
            return _Space(name, function(found))
    accesses = access.attribute(names_of(execution), obj, name, READ)
    if accesses:
        HOOKS["read_attr"](obj, name)
    return obj


_MODULE = type(builtins)


class _Space:
    """Stands for a module while a function of it is called."""

    def __init__(self, name: str, found: Any) -> None:
        setattr(self, name, found)


def _wrapped(found: Any) -> str | None:
    """How a call of a function or class looks at its arguments; None where we leave it alone."""
    kind = type(found)
    if kind is type:
        return "make" if found in _MAKERS else "look" if found in _BUILTINS else "lazy" if found in _LAZY else None
    if kind is BuiltinFunctionType:
        if found in _BY_NAME:
            return "attribute"
        if found in _BUILTINS or (found.__module__ in _MODULES and not _owned(found)):
            return "look"
        if _owned(found):
            return "method"
    elif kind is FunctionType and (found.__module__, found.__name__) in _PYTHON:
        return "look"
    return None


def _owned(found: Any) -> bool:
    return isinstance(getattr(found, "__self__", None), CONTAINERS)


def function(found: Any) -> Any:
    """Before a call of a function; returns it, or what stands for it."""
    if control._active is None:
        return found
    execution = control.current()
    if execution is None:
        return found
    try:
        how = _wrapped(found)
    except TypeError:  # not hashable
        return found
    if how is None:
        return found
    if how == "method":
        return partial(_run_method, execution, found.__self__, found.__name__, found)
    return partial(_run, execution, how, found)


def _run(execution: Execution, how: str, found: Any, /, *args: Any, **kw: Any) -> Any:
    if control.current() is not execution:
        return found(*args, **kw)
    names = names_of(execution)
    if how == "lazy":
        return found(*(iterate(each) for each in args), **kw)
    if how == "attribute":
        if len(args) > 1 and isinstance(args[1], str):
            if found is setattr and len(args) == 3:
                HOOKS["write_attr"](args[2], args[0], args[1])
            else:
                HOOKS["read_attr" if _BY_NAME[found] == READ else "store_attr"](args[0], args[1])
        return found(*args, **kw)
    name = found.__name__
    mode = WRITE if name in _CHANGING or name == "shuffle" else READ
    accesses = _read_all(execution, args[1:] if mode == WRITE else args)
    if mode == WRITE and args and isinstance(args[0], CONTAINERS):
        accesses = access.whole(names, args[0], WRITE) + accesses
    _announce(execution, mode, accesses, f"{name}()")
    result = found(*args, **kw)
    if isinstance(result, CONTAINERS):
        names.adopt(result)
    return result


HOOKS.update(
    value=value, pair=pair, inplace=inplace, among=among, subject=subject, new=new, iterate=iterate, method=method,
    function=function,
)  # fmt: skip
