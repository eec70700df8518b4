"""Rewrite a module's tree so that each access to what threads may share is announced first.

The access itself stays what it was: ``o.a`` becomes ``read_attr(o, 'a').a``. So exceptions, name mangling, descriptors
and frames are the original's. Where an operand must be worked out between (``o[f()]``), a C function of `operator` does
the access on what the hook hands back: ``getitem(*item(o, f()))``. Hooks are constants of the code (see
`instrument_code`), so that no namespace changes.
"""

from __future__ import annotations

import ast
from typing import Any, TypeVar

from .instrument_scopes import CELL, GLOBAL, LOCAL, Scope, Scopes

HOOK = "\0loadloom "
"""What a constant that stands for a hook begins with, until the code is made."""
PROBE = "_loadloom"
"""The parameter of a lambda that is there for its cell only."""

_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_PLAIN = (ast.Constant, ast.JoinedStr, ast.Lambda, ast.Compare)
_OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.BitOr: "or_", ast.BitAnd: "and_", ast.BitXor: "xor", ast.Mult: "mul",
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
}  # fmt: skip
INPLACE = {
    ast.Add: "iadd", ast.Sub: "isub", ast.Mult: "imul", ast.MatMult: "imatmul", ast.Div: "itruediv",
    ast.FloorDiv: "ifloordiv", ast.Mod: "imod", ast.Pow: "ipow", ast.LShift: "ilshift", ast.RShift: "irshift",
    ast.BitOr: "ior", ast.BitAnd: "iand", ast.BitXor: "ixor",
}  # fmt: skip

Node = TypeVar("Node", bound=ast.AST)


class Expressions(ast.NodeTransformer):
    """Expressions that read, and the scopes that they stand in."""

    def __init__(self, tree: ast.Module, module: str, stored: set[str]) -> None:
        self.scopes = Scopes(tree)
        self.module = module
        self.written = self.scopes.written | (stored & self.scopes.of[tree].bound.keys())
        self.scope: Scope = self.scopes.of[tree]
        self.active = False  # whether we stand in a function, where code runs while threads do
        self.classes: list[str] = []

    # -- making nodes --------------------------------------------------------------------------------------------

    def hook(self, name: str, at: ast.AST, *arguments: ast.expr) -> ast.expr:
        """A call of a hook or a C function, placed where ``at`` is."""
        call = ast.Call(self.constant(HOOK + name, at), list(arguments), [])
        return ast.copy_location(call, at)

    def spread(self, function: str, name: str, at: ast.AST, *arguments: ast.expr) -> ast.expr:
        """``function(*hook(arguments))``."""
        inner = ast.Starred(self.hook(name, at, *arguments), ast.Load())
        return self.hook(function, at, ast.copy_location(inner, at))

    @staticmethod
    def constant(value: Any, at: ast.AST) -> ast.expr:
        """A constant placed where ``at`` is."""
        return ast.copy_location(ast.Constant(value), at)

    def load(self, node: ast.expr) -> ast.expr:
        """A local name or constant once more."""
        if isinstance(node, ast.Name):
            return ast.copy_location(ast.Name(node.id, ast.Load()), node)
        return self.constant(node.value, node) if isinstance(node, ast.Constant) else node

    def mangled(self, name: str) -> str:
        """An attribute's real name."""
        owner = self.classes[-1].lstrip("_") if self.classes else ""
        if owner and name.startswith("__") and not name.endswith("__"):
            return f"_{owner}{name}"
        return name

    # -- names ---------------------------------------------------------------------------------------------------

    def place(self, name: str) -> str:
        """Whether a name is a shared cell, a shared global, or neither."""
        owner = self.scope.owner(name)
        if owner is None:
            return GLOBAL if name in self.written else LOCAL
        return CELL if name in owner.shared else LOCAL

    def simple(self, node: ast.AST) -> bool:
        """Whether it may be evaluated twice, and without a step."""
        return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and self.place(node.id) == LOCAL)

    def variable(self, name: str, at: ast.AST) -> tuple[str, list[ast.expr]]:
        """The kind of a shared variable and what its hooks need to know."""
        kind = self.place(name)
        if kind == GLOBAL:
            return kind, [self.constant(f"{self.module}.{name}", at)]
        none: list[Any] = []
        arguments = ast.arguments(none, [ast.copy_location(ast.arg(PROBE), at)], None, [], [], None, [])
        body = ast.copy_location(ast.Name(name, ast.Load()), at)
        own = self.scope.owner(name) is self.scope  # the function whose variable it is, not one that captured it
        probe = ast.copy_location(ast.Lambda(arguments, body), at)
        return kind, [probe, self.constant(name, at), self.constant(own, at)]

    def read_name(self, name: str, at: ast.AST) -> ast.expr:
        """``announce() or name``."""
        kind, known = self.variable(name, at)
        read = ast.copy_location(ast.Name(name, ast.Load()), at)
        return ast.copy_location(ast.BoolOp(ast.Or(), [self.hook(f"read_{kind}", at, *known), read]), at)

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: D102
        if self.active and isinstance(node.ctx, ast.Load) and self.place(node.id) != LOCAL:
            return self.read_name(node.id, node)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:  # noqa: D102
        node.value = self.visit(node.value)
        if self.active and self.place(node.target.id) != LOCAL:
            node.value = self.announced(node.target.id, node.value)
        return node

    def announced(self, name: str, value: ast.expr) -> ast.expr:
        """A value that is about to be bound to a shared variable."""
        kind, known = self.variable(name, value)
        return self.hook(f"write_{kind}", value, value, *known)

    # -- attributes, items, calls --------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # noqa: D102
        node.value = self.visit(node.value)
        if self.active and isinstance(node.ctx, ast.Load) and not _is_super(node.value):
            node.value = self.hook("read_attr", node, node.value, self.constant(self.mangled(node.attr), node))
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:  # noqa: D102
        simple = self.simple(node.slice)
        node.value, node.slice = self.visit(node.value), self.visit(self.key(node.slice))
        if not self.active or not isinstance(node.ctx, ast.Load):
            return node
        if simple:
            node.value = self.hook("item", node, node.value, self.load(node.slice))
            return node
        return self.spread("getitem", "place", node, node.value, node.slice)

    def key(self, node: ast.expr) -> ast.expr:
        """A slice as a call, which may stand anywhere; `visit_Call` leaves hooks alone."""
        if not self.active:
            return node
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            return self.hook("slice", node, *(self.constant(None, node) if part is None else part for part in parts))
        if isinstance(node, ast.Tuple) and any(isinstance(each, ast.Slice) for each in node.elts):
            node.elts = [self.key(each) for each in node.elts]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: D102
        if not self.active:
            return self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute):
            function.value = self.visit(function.value)
            if not _is_super(function.value):
                name = self.constant(self.mangled(function.attr), function)
                function.value = self.hook("method", function, function.value, name)
        elif not isinstance(function, ast.Constant) and not _is_super(node):
            node.func = self.hook("function", function, self.visit(function))
        node.args = [self.visit(each) for each in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
            if keyword.arg is None:
                keyword.value = self.whole(keyword.value)
        return node

    # -- containers as a whole -----------------------------------------------------------------------------------

    def whole(self, node: ast.expr) -> ast.expr:
        """A value that is about to be looked at as a whole, if it is a container."""
        if not self.active or isinstance(node, (*_PLAIN, *_DISPLAYS, ast.Tuple, ast.GeneratorExp)):
            return node
        return self.hook("value", node, node)

    def truth(self, node: ast.expr) -> ast.expr:
        """A value that is asked whether it is true."""
        if isinstance(node, ast.BoolOp):
            node.values[-1] = self.truth(node.values[-1])
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return node
        return self.whole(node)

    def visit_Starred(self, node: ast.Starred) -> ast.AST:  # noqa: D102
        node.value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            node.value = self.whole(node.value)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:  # noqa: D102
        self.generic_visit(node)
        node.value = self.whole(node.value)
        return node

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:  # noqa: D102
        node.value = self.whole(self.visit(node.value))
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:  # noqa: D102
        values = [self.visit(each) for each in node.values]
        node.values = [*(self.truth(each) for each in values[:-1]), values[-1]]
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:  # noqa: D102
        node.operand = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            node.operand = self.truth(node.operand)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:  # noqa: D102
        self.generic_visit(node)
        node.test = self.truth(node.test)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:  # noqa: D102
        plain = isinstance(node.left, _PLAIN) or isinstance(node.right, _PLAIN)
        self.generic_visit(node)
        name = _OPERATORS.get(type(node.op))
        if not self.active or plain or name is None:
            return node
        return self.spread(name, "pair", node, node.left, node.right)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:  # noqa: D102
        operator, left, right = node.ops[0], node.left, node.comparators[0]
        plain = isinstance(left, _PLAIN) or isinstance(right, _PLAIN)
        self.generic_visit(node)
        if not self.active or all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            return node
        left, right = node.left, node.comparators[0]
        if len(node.ops) > 1:
            node.comparators = [self.whole(each) for each in node.comparators]
            return node
        if isinstance(operator, (ast.In, ast.NotIn)):
            if isinstance(right, (ast.Constant, ast.Tuple, *_DISPLAYS)):
                return node
            found = self.spread("contains", "among", node, left, right)
            if isinstance(operator, ast.NotIn):
                found = ast.copy_location(ast.UnaryOp(ast.Not(), found), node)
            return found
        name = _OPERATORS.get(type(operator))
        return node if plain or name is None else self.spread(name, "pair", node, left, right)

    # -- displays and comprehensions -----------------------------------------------------------------------------

    def _display(self, node: Node) -> ast.AST:
        self.generic_visit(node)
        if not self.active or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return node
        return self.hook("new", node, node)  # type: ignore[arg-type]

    visit_List = visit_Set = _display

    def visit_Dict(self, node: ast.Dict) -> ast.AST:  # noqa: D102
        node.keys = [None if key is None else self.visit(key) for key in node.keys]
        values = [self.visit(value) for value in node.values]
        node.values = [self.whole(v) if k is None else v for k, v in zip(node.keys, values)]
        return self.hook("new", node, node) if self.active else node

    def _comprehension(self, node: Any) -> ast.AST:
        before, self.scope = self.scope, self.scopes.of[node]
        for clause in node.generators:
            clause.iter = self.iterated(clause.iter)
            clause.target = self.visit(clause.target)
            clause.ifs = [self.truth(self.visit(each)) for each in clause.ifs]
        for part in ("elt", "key", "value"):
            if hasattr(node, part):
                setattr(node, part, self.visit(getattr(node, part)))
        self.scope = before
        return self.hook("new", node, node) if self.active and not isinstance(node, ast.GeneratorExp) else node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def iterated(self, node: ast.expr) -> ast.expr:
        """What a loop goes over: each of its looks at a container is a read."""
        if isinstance(node, (ast.Constant, ast.Tuple, *_DISPLAYS)):
            return self.visit(node)  # type: ignore[no-any-return]
        return self.hook("iterate", node, self.visit(node)) if self.active else self.visit(node)


def _is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FRAMED


_FRAMED = frozenset({"super", "locals", "vars", "dir", "globals", "eval", "exec"})
