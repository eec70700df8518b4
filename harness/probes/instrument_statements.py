"""The other half of the rewriting: statements that write, and the functions that they stand in."""

from __future__ import annotations

import ast
import copy
from typing import Any

from .instrument_scopes import LOCAL
from .instrument_tree import INPLACE, Expressions


def rewrite(tree: ast.Module, module: str, stored: set[str]) -> ast.Module:
    """A copy of a module's tree in which functions announce what they share.

    Args:
        tree: the module.
        module: its name, which globals are named by.
        stored: attributes that instrumented code stores: globals of that name may be written from another module.
    """
    new = copy.deepcopy(tree)
    Statements(new, module, stored).visit(new)
    ast.fix_missing_locations(new)
    for node in ast.walk(new):  # what pytest makes has no end of its own, and must not get its parent's
        line = getattr(node, "lineno", None)
        if line is not None and (getattr(node, "end_lineno", None) or 0) < line:
            node.end_lineno, node.end_col_offset = line, node.col_offset  # type: ignore[attr-defined]
    return new


class Statements(Expressions):
    """Assignments, deletions, loops, definitions."""

    # -- where code runs -----------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # noqa: D102
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        self._defaults(node.args)
        self._inside(node, lambda: setattr(node, "body", self._block(node.body)))
        first = [*node.args.posonlyargs, *node.args.args][:1]
        if node.name == "__init__" and first and isinstance(self.scope.node, ast.ClassDef):
            n = 1 if ast.get_docstring(node, clean=False) is not None and len(node.body) > 1 else 0
            at = node.body[n]
            born = self.hook("born", at, ast.copy_location(ast.Name(first[0].arg, ast.Load()), at))
            node.body.insert(n, ast.copy_location(ast.Expr(born), at))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:  # noqa: D102
        self._defaults(node.args)
        self._inside(node, lambda: setattr(node, "body", self.visit(node.body)))
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Left alone: its tasks take turns only where it says so."""
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:  # noqa: D102
        before = self.active, self.scope
        self.classes.append(node.name)
        self.active, self.scope = False, self.scopes.of[node]
        node.body = self._block(node.body)
        self.active, self.scope = before
        self.classes.pop()
        return node

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(each) for each in arguments.defaults]
        arguments.kw_defaults = [None if each is None else self.visit(each) for each in arguments.kw_defaults]

    def _inside(self, node: ast.AST, act: Any) -> None:
        before = self.active, self.scope
        self.active, self.scope = True, self.scopes.of[node]
        act()
        self.active, self.scope = before

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        new: list[ast.stmt] = []
        for statement in body:
            done = self.visit(statement)
            new += done if isinstance(done, list) else [done]
        return new

    # -- targets -------------------------------------------------------------------------------------------------

    def _target(self, node: ast.expr) -> ast.expr:
        """A target that announces its write just before it is stored to; names are announced on the value."""
        if isinstance(node, ast.Attribute):
            name = self.constant(self.mangled(node.attr), node)
            node.value = self.hook("store_attr", node, self.visit(node.value), name)
        elif isinstance(node, ast.Subscript):
            key = self.visit(self.key(node.slice))
            if self.simple(node.value):
                owner = node.value
                again = self.load(owner)
            else:
                temporary = ast.copy_location(ast.Name("", ast.Store()), node)
                temporary.id = f"_loadloom_{node.lineno}_{node.col_offset}"
                owner = ast.copy_location(ast.NamedExpr(temporary, self.visit(node.value)), node)
                again = ast.copy_location(ast.Name(temporary.id, ast.Load()), node)
            node.value, node.slice = owner, self.hook("store_item", node, again, key)
        elif isinstance(node, (ast.Tuple, ast.List)):
            node.elts = [self._target(each) for each in node.elts]
        elif isinstance(node, ast.Starred):
            node.value = self._target(node.value)
        return node

    def _names(self, node: ast.expr, value: ast.expr) -> ast.expr:
        """The value, announced for each shared variable that a target binds."""
        if isinstance(node, ast.Name):
            return value if self.place(node.id) == LOCAL else self.announced(node.id, value)
        if isinstance(node, (ast.Tuple, ast.List)):
            for each in node.elts:
                value = self._names(each, value)
        elif isinstance(node, ast.Starred):
            value = self._names(node.value, value)
        return value

    def visit_Assign(self, node: ast.Assign) -> ast.AST:  # noqa: D102
        if not self.active:
            return self.generic_visit(node)
        node.value = self.visit(node.value)
        if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
            node.value = self.whole(node.value)
        if len(node.targets) == 1:
            return self._store(node, node.targets[0])
        for target in node.targets:
            node.value = self._names(target, node.value)
        node.targets = [self._target(target) for target in node.targets]
        return node

    def _store(self, node: ast.Assign, target: ast.expr) -> ast.AST:
        """One target: the value is at hand when the write is announced."""
        if isinstance(target, ast.Attribute) and self.simple(target.value):
            name = self.constant(self.mangled(target.attr), target)
            node.value = self.hook("write_attr", node, node.value, self.load(target.value), name)
        elif isinstance(target, ast.Subscript) and self.simple(target.value) and self.simple(target.slice):
            node.value = self.hook("write_item", node, node.value, self.load(target.value), self.load(target.slice))
        elif isinstance(target, ast.Subscript):
            place = self.visit(target.value), self.visit(self.key(target.slice))
            stored = self.spread("setitem", "place_value", target, node.value, *place)
            # evaluated in the order value, container, key; handed on in the order that setitem wants
            return ast.copy_location(ast.Expr(stored), node)
        else:
            node.value = self._names(target, node.value)
            node.targets = [self._target(target)]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:  # noqa: D102
        if not self.active or node.value is None:
            return node
        plain = ast.copy_location(ast.Assign([node.target], node.value, lineno=node.lineno), node)
        if isinstance(node.target, ast.Name):
            node.value = self._names(node.target, self.visit(node.value))
            return node
        return self.visit_Assign(plain)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:  # noqa: D102
        if not self.active:
            return node
        value, target = self.visit(node.value), node.target
        operator = INPLACE[type(node.op)]
        before: list[ast.stmt] = []

        def kept(part: ast.expr, what: str) -> ast.expr:
            if self.simple(part):
                return part
            name = f"_loadloom_{what}_{node.lineno}_{node.col_offset}"
            keep = ast.copy_location(ast.Name(name, ast.Store()), part)
            before.append(ast.copy_location(ast.Assign([keep], self.visit(part)), node))
            return ast.copy_location(ast.Name(name, ast.Load()), part)

        def combined(old: ast.expr) -> ast.expr:
            if isinstance(value, ast.Constant):
                return self.hook(operator, node, old, value)
            return self.spread(operator, "inplace", node, old, value)

        if isinstance(target, ast.Name):
            if self.place(target.id) == LOCAL:
                if isinstance(value, ast.Constant) or operator == "imatmul":
                    node.value = value
                    return node
                new = combined(ast.copy_location(ast.Name(target.id, ast.Load()), target))
            else:
                new = self.announced(target.id, combined(self.read_name(target.id, target)))
            return ast.copy_location(ast.Assign([target], new), node)
        if isinstance(target, ast.Attribute):
            owner = kept(target.value, "of")
            name = self.constant(self.mangled(target.attr), target)
            read = self.hook("read_attr", target, self.load(owner), name)
            old: ast.expr = ast.copy_location(ast.Attribute(read, target.attr, ast.Load()), target)
            new = self.hook("write_attr", node, combined(old), self.load(owner), name)
            store: ast.expr = ast.copy_location(ast.Attribute(self.load(owner), target.attr, ast.Store()), target)
        else:
            owner, key = kept(target.value, "of"), kept(self.key(target.slice), "at")
            read = self.hook("item", target, self.load(owner), self.load(key))
            old = ast.copy_location(ast.Subscript(read, self.load(key), ast.Load()), target)
            new = self.hook("write_item", node, combined(old), self.load(owner), self.load(key))
            store = ast.copy_location(ast.Subscript(self.load(owner), self.load(key), ast.Store()), target)
        return [*before, ast.copy_location(ast.Assign([store], new), node)]

    def visit_Delete(self, node: ast.Delete) -> Any:  # noqa: D102
        if not self.active:
            return node
        done: list[ast.stmt] = []
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                place = self.visit(target.value), self.visit(self.key(target.slice))
                deleted = ast.Expr(self.spread("delitem", "unset_item", target, *place))
                done.append(ast.copy_location(deleted, node))
                continue
            if isinstance(target, ast.Attribute):
                name = self.constant(self.mangled(target.attr), target)
                target.value = self.hook("unset_attr", target, self.visit(target.value), name)
            done.append(ast.copy_location(ast.Delete([target]), node))
        return done

    # -- control flow --------------------------------------------------------------------------------------------

    def visit_For(self, node: ast.For) -> ast.AST:  # noqa: D102
        node.iter = self.iterated(node.iter)
        if self.active:
            node.target = self._target(node.target)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        return node

    def _tested(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        node.test = self.truth(node.test)
        return node  # type: ignore[no-any-return]

    visit_If = visit_While = visit_Assert = _tested

    def visit_withitem(self, node: ast.withitem) -> ast.AST:  # noqa: D102
        node.context_expr = self.visit(node.context_expr)
        if node.optional_vars is not None and self.active:
            node.optional_vars = self._target(node.optional_vars)
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        """What the patterns look at is read with the subject."""
        node.subject = self.visit(node.subject)
        if self.active:
            node.subject = self.hook("subject", node.subject, node.subject)
        for case in node.cases:
            if case.guard is not None:
                case.guard = self.truth(self.visit(case.guard))
            case.body = self._block(case.body)
        return node



