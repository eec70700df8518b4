"""Code of a module with its accesses announced, made from the source that its functions were compiled from."""

from __future__ import annotations

import ast
import dataclasses
import sys
import tokenize
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ..errors import UsageError
from . import instrument_calls  # noqa: F401 - adds its hooks
from .instrument_hooks import HOOKS
from .instrument_scopes import Scopes
from .instrument_statements import rewrite
from .instrument_tree import HOOK, PROBE


@dataclasses.dataclass
class Source:
    """A module's source, as its functions were compiled from it.

    Attributes:
        module: the module.
        path: its file, as its functions name it.
        tree: what it was compiled from; pytest's rewriting included.
        code: the code of that.
        text: as it was read.
    """

    module: ModuleType
    path: str
    tree: ast.Module
    code: CodeType
    text: str

    @cached_property
    def scopes(self) -> Scopes:
        """What its scopes bind, write and store."""
        return Scopes(self.tree)

    @cached_property
    def made(self) -> dict[frozenset[str], dict[CodeType, CodeType]]:
        """Instrumented codes, by the attributes that were known to be stored."""
        return {}


_read: dict[str, Source] = {}  # of a module's name; what was read once is good until the text changes


def nested(code: CodeType, path: str = "") -> Iterator[tuple[str, CodeType]]:
    """All functions and classes in a code, each with its qualified name; probes of ours left out."""
    for const in code.co_consts:
        if isinstance(const, CodeType) and PROBE not in const.co_varnames[:1]:
            inner = path + const.co_name
            yield inner, const
            yield from nested(const, f"{inner}.<locals>." if const.co_flags & 0x2 else f"{inner}.")


def read(module: ModuleType) -> Source:
    """The source of a module.

    Raises:
        UsageError: it has none.
    """
    name = module.__name__
    path = getattr(module, "__file__", None)
    if not path or not str(path).endswith((".py", ".pyw")):
        raise UsageError(f"instrument: module {name!r} has no Python source; only Python code can be instrumented")
    try:
        with tokenize.open(path) as file:
            text = file.read()
        known = _read.get(name)
        if known is not None and known.module is module and (known.path, known.text) == (path, text):
            return known
        tree = ast.parse(text, path)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"instrument: the source of module {name!r} cannot be read: {error}") from error
    _rewrite_asserts(module, tree, path)
    source = _read[name] = Source(module, path, tree, _compile(tree, path), text)
    return source


def _rewrite_asserts(module: ModuleType, tree: ast.Module, path: str) -> None:
    """What pytest did to a test module's asserts when it was imported."""
    loader = getattr(module, "__loader__", None)
    if type(loader).__name__ != "AssertionRewritingHook" or "_pytest.assertion.rewrite" not in sys.modules:
        return
    from _pytest.assertion.rewrite import rewrite_asserts

    rewrite_asserts(tree, Path(path).read_bytes(), path, getattr(loader, "config", None))


def _compile(tree: ast.Module, path: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(tree, path, "exec", dont_inherit=True)


def stores(source: Source) -> set[str]:
    """The attributes that functions of a module store."""
    return source.scopes.stored


def written(source: Source, stored: set[str]) -> set[str]:
    """The globals of a module that may be written while threads run."""
    scopes = source.scopes
    return scopes.written | (stored & scopes.of[source.tree].bound.keys())


def instrumented(source: Source, stored: set[str]) -> dict[CodeType, CodeType]:
    """For each code of a module the one that announces its accesses.

    Raises:
        UsageError: the rewritten module does not have the same functions.
    """
    known = source.made.get(frozenset(stored))
    if known is not None:
        return known
    new = with_hooks(_compile(rewrite(source.tree, source.module.__name__, stored), source.path))
    before, after = _indexed(source.code), _indexed(new)
    pairs: dict[CodeType, CodeType] = {}
    for key, code in before.items():
        swapped = after.get(key)
        if swapped is None or swapped.co_freevars != code.co_freevars:
            if code.co_flags & 0x2 and key[0].rpartition(".")[2] not in _COMPREHENSIONS:
                raise UsageError(f"instrument: {source.module.__name__}.{key[0]} cannot be instrumented: {key[1]}")
            continue
        pairs[code] = swapped
    source.made[frozenset(stored)] = pairs
    return pairs


_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


def _indexed(code: CodeType) -> dict[tuple[str, int, int], CodeType]:
    found: dict[tuple[str, int, int], CodeType] = {}
    for name, each in nested(code):
        n = 0
        while (name, each.co_firstlineno, n) in found:
            n += 1
        found[name, each.co_firstlineno, n] = each
    return found


def with_hooks(code: CodeType) -> CodeType:
    """The code with the hooks themselves where their stand-ins are."""
    consts: list[Any] = []
    for const in code.co_consts:
        if isinstance(const, CodeType):
            const = with_hooks(const)
        elif isinstance(const, str) and const.startswith(HOOK):
            const = HOOKS[const[len(HOOK) :]]
        consts.append(const)
    return code.replace(co_consts=tuple(consts))


__all__ = ["Source", "instrumented", "nested", "read", "stores", "with_hooks", "written"]
