"""`instrument=[...]`: modules, classes and functions whose accesses to shared state become steps.

Their source is compiled again with the accesses announced, and the code of the functions is swapped until the
exploration ends. Functions are found wherever they are held: by their code, which must be the source's own.
"""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from collections.abc import Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..errors import UsageError
from ..runtime import sites
from . import instrument_access as access
from . import instrument_code, instrument_names, instrument_watch
from .instrument_code import Source, nested
from .patching import Patches

Target = Any
"""A module, a class, a function or method, or the dotted name of one."""


def install(patches: Patches, targets: Sequence[Target], program: Any = None) -> None:
    """Instrument what is named, for as long as the patches are in place.

    Args:
        patches: where the change is kept.
        targets: modules, classes, functions, dotted names.
        program: what will be explored: objects that it holds already get their names from it.

    Raises:
        UsageError: one of them cannot be found, has no source, or is not what its source says.
    """
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        raise UsageError("instrument takes a list of modules, classes, functions or dotted names")
    resolved = [_resolve(target) for target in targets]
    pairs, modules, written = _codes(resolved)

    def act(patches: Patches) -> None:
        access.written_globals(written)
        instrument_names.begin(modules, program)
        patches.later(instrument_names.end)
        patches.later(lambda: access.written_globals({}))
        _swap(patches, pairs)
        for owner in instrument_watch.classes(resolved):
            instrument_watch.watch(patches, owner)

    patches.on_apply(act)


def _resolve(target: Target) -> Any:
    """What a dotted name names; packages stand for all their loaded modules."""
    if not isinstance(target, str):
        return target
    parts = target.split(".")
    if not all(part.isidentifier() for part in parts):
        raise UsageError(f"instrument: {target!r} is not a dotted name")
    for n in range(len(parts), 0, -1):
        name = ".".join(parts[:n])
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                continue
            raise UsageError(f"instrument: {target!r} cannot be imported: {error}") from error
        try:
            for part in parts[n:]:
                found = vars(found).get(part) or getattr(found, part)
        except (AttributeError, TypeError) as error:
            raise UsageError(f"instrument: there is no {target!r}: {error}") from error
        return found
    raise UsageError(f"instrument: there is no module {parts[0]!r}")


# -- what is meant -----------------------------------------------------------------------------------------------


def _codes(
    targets: list[Any],
) -> tuple[dict[CodeType, CodeType], list[ModuleType], dict[str, set[str]]]:
    """Which code is to be replaced by which, the modules that takes part, and their shared globals."""
    sources: dict[str, Source] = {}
    wanted: list[tuple[Source, list[CodeType]]] = []

    def source_of(module: ModuleType) -> Source:
        if module.__name__ not in sources:
            sources[module.__name__] = instrument_code.read(module)
        return sources[module.__name__]

    functions = _functions()
    for target in targets:
        if isinstance(target, ModuleType):
            for module in _package(target):
                source = source_of(module)
                _check_module(source, functions)
                wanted.append((source, [code for _, code in nested(source.code)]))
        elif isinstance(target, type):
            source = source_of(_module_of(target, target.__qualname__))
            wanted.append((source, _of_class(source, target)))
        else:
            for function in _chain(target):
                source = source_of(_module_of(function, function.__qualname__))
                wanted.append((source, _with_nested(_found(source, function))))
    stored = set().union(*(instrument_code.stores(source) for source in sources.values()))
    made = {name: instrument_code.instrumented(source, stored) for name, source in sources.items()}
    pairs: dict[CodeType, CodeType] = {}
    for source, codes in wanted:
        known = made[source.module.__name__]
        pairs.update((code, known[code]) for code in codes if code in known)
    written = {name: instrument_code.written(source, stored) for name, source in sources.items()}
    return pairs, [source.module for source in sources.values()], written


def _package(module: ModuleType) -> list[ModuleType]:
    """A module, or a package with its loaded modules that have a source."""
    if not hasattr(module, "__path__"):
        return [module]
    below = [
        each for name, each in sorted(sys.modules.items())
        if name.startswith(f"{module.__name__}.") and isinstance(each, ModuleType)
    ]  # fmt: skip
    found = [each for each in (module, *below) if str(getattr(each, "__file__", None)).endswith(".py")]
    return found or [module]


def _module_of(target: Any, name: str) -> ModuleType:
    module = sys.modules.get(getattr(target, "__module__", None) or "")
    if module is None:
        raise UsageError(f"instrument: {name!r} has no module, so no source")
    if isinstance(target, FunctionType) and target.__globals__ is not vars(module):
        wrapped = sys.modules.get(target.__globals__.get("__name__", ""))
        if wrapped is not None and target.__globals__ is vars(wrapped):
            return wrapped
    return module


def _chain(target: Any) -> list[FunctionType]:
    """The function that a target is, and those that it wraps."""
    found: list[FunctionType] = []
    todo = [target]
    while todo:
        each = todo.pop()
        if isinstance(each, (staticmethod, classmethod, MethodType)):
            todo.append(each.__func__)
        elif isinstance(each, property):
            todo += [part for part in (each.fget, each.fset, each.fdel) if part is not None]
        elif isinstance(each, (functools.cached_property, functools.partial)):
            todo.append(each.func)
        elif isinstance(each, FunctionType):
            wrapped = getattr(each, "__wrapped__", None)
            if wrapped is None:
                found.append(each)
            else:
                todo.append(wrapped)
                if each.__code__.co_filename == getattr(_plain(wrapped), "co_filename", None):
                    found.append(each)
        elif hasattr(each, "__wrapped__"):
            todo.append(each.__wrapped__)
        else:
            name = getattr(each, "__qualname__", None) or repr(each)
            raise UsageError(f"instrument: {name} has no Python source; name a module, a class or a Python function")
    return found


def _plain(function: Any) -> Any:
    return getattr(function, "__code__", None)


# -- what is there -----------------------------------------------------------------------------------------------


def _functions() -> list[FunctionType]:
    """Every function of the process."""
    return [each for each in gc.get_objects() if type(each) is FunctionType]


def _stale(name: str, path: str) -> UsageError:
    return UsageError(
        f"instrument: {name} is not what its source says ({path}): it was generated, or the file changed since it "
        "was imported; start again, or name only functions that are written there"
    )


def _found(source: Source, function: FunctionType) -> CodeType:
    """A function's code within its source."""
    for _, code in nested(source.code):
        if code == function.__code__:
            return code
    raise _stale(f"{function.__module__}.{function.__qualname__}", source.path)


def _with_nested(code: CodeType) -> list[CodeType]:
    return [code, *(each for _, each in nested(code))]


def _generated(function: FunctionType, source: Source) -> bool:
    return function.__code__.co_filename != source.code.co_filename


def _check_module(source: Source, functions: list[FunctionType]) -> None:
    """Refuse a module if one of its functions is not from the text that is on disk now."""
    space, codes = vars(source.module), {code for _, code in nested(source.code)}
    for function in functions:
        if function.__globals__ is space and not _generated(function, source) and function.__code__ not in codes:
            raise _stale(f"{source.module.__name__}.{function.__qualname__}", source.path)


def _of_class(source: Source, owner: type) -> list[CodeType]:
    """The codes of a class's own functions, those that they define included."""
    found: list[CodeType] = []
    prefix = f"{owner.__qualname__}."
    for name, code in nested(source.code):
        if name.startswith(prefix):
            found.append(code)
    for name, held in vars(owner).items():
        try:
            members = _chain(held) if not isinstance(held, type) else []
        except UsageError:
            continue  # data
        for function in members:
            if _generated(function, source):
                if not name.startswith("__") and function.__module__ == owner.__module__:
                    raise _stale(f"{owner.__module__}.{function.__qualname__}", source.path)
                continue
            code = _found(source, function)
            if code not in found:
                found += _with_nested(code)
    return found


def _replaced(pairs: dict[CodeType, CodeType]) -> list[FunctionType]:
    files = {code.co_filename for code in pairs}  # comparing code is slow
    return [each for each in _functions() if each.__code__.co_filename in files and each.__code__ in pairs]


def _replace(pairs: dict[CodeType, CodeType]) -> None:
    for function in _replaced(pairs):
        function.__code__ = pairs[function.__code__]


def _swap(patches: Patches, pairs: dict[CodeType, CodeType]) -> None:
    """Swap the code of every function that has one of these codes."""
    held = {function.__code__ for function in _replaced(pairs)}
    back = {new: old for old, new in pairs.items()}
    back.update((pairs[code], code) for code in held)  # the very same ones, where there were any
    _replace(pairs)
    patches.later(lambda: _replace(back))  # functions made meanwhile too
    for code in pairs.values():
        for each in _with_nested(code):
            access.instrumented.add(each)
            sites._known[each] = False  # a library's code, but the code under test

    def forget() -> None:
        for code in pairs.values():
            for each in _with_nested(code):
                access.instrumented.discard(each)
                sites._known.pop(each, None)

    patches.later(forget)
