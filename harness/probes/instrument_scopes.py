"""Which variables of a module's source may be seen by more than one thread: globals that functions write, and closure
variables that change after they were captured.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

LOCAL = "local"
CELL = "cell"
GLOBAL = "global"


@dataclass
class Scope:
    """The names of one function, class, comprehension or module."""

    node: ast.AST
    parent: Scope | None
    path: str
    bound: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)  # where, and whether in a loop
    declared: set[str] = field(default_factory=set)  # global
    outer: set[str] = field(default_factory=set)  # nonlocal
    used: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    @property
    def is_function(self) -> bool:
        """Whether its variables can be captured by a function that lives longer."""
        return isinstance(self.node, FUNCTIONS)

    def owner(self, name: str) -> Scope | None:
        """The scope whose local variable a name is here; None for a global or builtin one."""
        scope: Scope | None = self
        while scope is not None and scope.parent is not None:
            if name in scope.declared:
                return None
            visible = scope is self or not isinstance(scope.node, ast.ClassDef)
            if visible and name in scope.bound and name not in scope.outer:
                return scope
            scope = scope.parent
        return None


class Scopes(ast.NodeVisitor):
    """All scopes of a module, by node."""

    def __init__(self, tree: ast.Module) -> None:
        self.of: dict[ast.AST, Scope] = {}
        self.written: set[str] = set()  # globals that functions write
        self.stored: set[str] = set()  # attributes that functions store, of whatever object
        self._loops = 0
        self._now = self.of[tree] = Scope(tree, None, "")
        self.generic_visit(tree)
        for scope in self.of.values():
            self._capture(scope)

    def _capture(self, inner: Scope) -> None:
        if not inner.is_function:
            return
        for name in inner.used | inner.outer | inner.bound.keys():
            if name in inner.bound and name not in inner.outer:
                continue
            owner = inner.owner(name)
            if owner is None or not owner.is_function or owner is inner:
                continue
            places = owner.bound[name]
            line = getattr(inner.node, "lineno", 0)
            rebound = (name in inner.outer and name in inner.bound) or len(places) > 1
            if rebound or any(loop or place > line for place, loop in places):
                owner.shared.add(name)

    # -- bindings ------------------------------------------------------------------------------------------------

    def _bind(self, name: str, node: ast.AST, scope: Scope | None = None) -> None:
        scope = scope or self._now
        if name in scope.declared and scope.parent is not None:
            self.written.add(name)
        scope.bound.setdefault(name, []).append((getattr(node, "lineno", 0), self._loops > 0))

    def visit_Global(self, node: ast.Global) -> None:  # noqa: D102
        self._now.declared.update(node.names)
        self.written.update(name for name in node.names if name in self._now.bound)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:  # noqa: D102
        self._now.outer.update(node.names)

    def visit_Name(self, node: ast.Name) -> None:  # noqa: D102
        if isinstance(node.ctx, ast.Load):
            self._now.used.add(node.id)
        else:
            self._bind(node.id, node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:  # noqa: D102
        scope = self._now
        while isinstance(scope.node, COMPREHENSIONS) and scope.parent is not None:
            scope = scope.parent
        self._bind(node.target.id, node, scope)
        self.visit(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: D102
        if not isinstance(node.ctx, ast.Load):
            self.stored.add(node.attr)
        self.visit(node.value)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:  # noqa: D102
        for alias in node.names:
            self._bind((alias.asname or alias.name).partition(".")[0], node)

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:  # noqa: D102
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:  # noqa: D102
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:  # noqa: D102
        if node.rest:
            self._bind(node.rest, node)
        self.generic_visit(node)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        self._loops += 1
        self.generic_visit(node)
        self._loops -= 1

    visit_For = visit_AsyncFor = visit_While = _loop

    # -- scopes --------------------------------------------------------------------------------------------------

    def _enter(self, node: ast.AST, name: str, inside: Iterator[ast.AST]) -> None:
        before, loops = self._now, self._loops
        middle = ".<locals>." if before.is_function else "." if before.path else ""
        scope = self._now = self.of[node] = Scope(node, before, before.path + middle + name)
        self._loops = 0
        arguments = getattr(node, "args", None)
        if isinstance(arguments, ast.arguments):
            for each in ast.walk(arguments):
                if isinstance(each, ast.arg):
                    self._bind(each.arg, node, scope)
        for child in inside:
            self.visit(child)
        self._now, self._loops = before, loops

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name, node)
        for child in (*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self.visit(child)
        self._enter(node, node.name, iter(node.body))

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Lambda(self, node: ast.Lambda) -> None:  # noqa: D102
        for child in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self.visit(child)
        self._enter(node, "<lambda>", iter([node.body]))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # noqa: D102
        self._bind(node.name, node)
        for child in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(child)
        self._enter(node, node.name, iter(node.body))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self._enter(node, "<comp>", ast.iter_child_nodes(node))

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension
