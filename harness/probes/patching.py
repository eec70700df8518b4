"""Put facades in the place of stdlib functions, wherever a name of them was bound, and take them out again.

Classes written in Python are patched in place, so that subclasses and names bound at import follow. Functions and
C types cannot be: every module global, class attribute and default argument that holds one is replaced instead. Nor
can objects of C types that were made before we came: `sweep` looks for them in the user's modules.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sweep import Sweep

_OURS = ("harness", "greenlet")

Maker = Callable[[Any, str], Any]


class Patches:
    """A set of replacements. `apply` and `undo` may be called in turn, any number of times."""

    def __init__(self) -> None:
        self._methods: list[tuple[type, str, Any]] = []
        self._values: dict[int, tuple[Any, Any]] = {}
        self._makers: dict[type, Maker] = {}
        self._named: dict[type, str] = {}
        self._stand_ins: dict[int, tuple[Any, Any]] = {}
        self._undo: list[Callable[[], None]] = []
        self._before: list[Callable[[Patches], None]] = []
        self._set: set[tuple[int, str]] = set()
        self._names: list[tuple[dict[str, Any], str, Any, Any]] = []  # of modules: space, key, before, now
        self._known: set[str] = set()  # modules that were looked at
        self.skip: set[str] = set()  # modules whose globals stay as they are
        self.roots: dict[str, Any] = {}  # what the user hands us: closures, methods; swept like his modules

    def method(self, owner: type, name: str, make: Callable[[Any], Any]) -> None:
        """Replace ``owner.name`` by ``make(original)``; the original's signature and docstring are kept."""
        original = owner.__dict__[name]
        new = make(original)
        if isinstance(new, FunctionType) and isinstance(original, FunctionType):
            functools.update_wrapper(new, original)
        self._methods.append((owner, name, new))

    def value(self, original: Any, new: Any) -> None:
        """Replace ``original`` by ``new`` wherever a module, a class or a default argument names it."""
        if isinstance(new, FunctionType):
            functools.update_wrapper(new, original, ("__name__", "__qualname__", "__doc__"), ())
        self._values[id(original)] = (original, new)

    def attribute(self, owner: type, name: str, new: Any) -> None:
        """Set ``owner.name``, which need not exist."""
        self._methods.append((owner, name, new))

    def objects(self, owner: type, make: Maker) -> None:
        """Replace objects of exactly this type that a user's module holds by ``make(object, name)``; None: leave it."""
        self._makers[owner] = make

    def name_objects(self, owner: type, kind: str) -> None:
        """Give objects of this class that a user's module holds a name that is the same from run to run."""
        self._named[owner] = kind

    def on_apply(self, act: Callable[[Patches], None]) -> None:
        """Call ``act`` whenever the patches are put in place, before anything else, and when modules were imported."""
        self._before.append(act)

    def set(self, owner: Any, name: str, new: Any) -> None:
        """Set an attribute until `undo`; once."""
        if (id(owner), name) in self._set:
            return
        self._set.add((id(owner), name))
        if name in owner.__dict__:
            self._undo.append(functools.partial(setattr, owner, name, owner.__dict__[name]))
        else:
            self._undo.append(functools.partial(delattr, owner, name))
        setattr(owner, name, new)

    def later(self, act: Callable[[], None]) -> None:
        """Call ``act`` at `undo`."""
        self._undo.append(act)

    def apply(self) -> None:
        """Put everything in place."""
        from .sweep import Sweep

        try:
            for owner, name, new in self._methods:
                self.set(owner, name, new)
            sweep = Sweep(self)
            for name, root in self.roots.items():
                sweep.look_into(root, name)
            self._adopt_modules(sweep)
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Put everything back, last first."""
        while self._undo:
            self._undo.pop()()
        for kept in (self._stand_ins, self._set, self._names, self._known):
            kept.clear()

    @contextmanager
    def importing(self) -> Iterator[None]:
        """A module that is imported now finds the real names; it is treated like those from before afterwards."""
        from .sweep import Sweep

        for space, key, before, _ in self._names:
            space[key] = before
        try:
            yield
        finally:
            for space, key, _, now in self._names:
                space[key] = now
            self._adopt_modules(Sweep(self))

    def _adopt_modules(self, sweep: Sweep) -> None:
        """Look at the modules that were imported since the last time."""
        from .sweep import is_users

        for act in self._before:
            act(self)
        for key, module in list(sys.modules.items()):
            name = getattr(module, "__name__", "")
            if key in self._known or not isinstance(module, ModuleType) or not isinstance(name, str):
                continue
            self._known.add(key)
            if name in self.skip or name.partition(".")[0] in _OURS:
                continue
            if is_users(name):
                sweep.module(module)
            else:
                self._swap_in_module(module)

    # -- what stands in the place of what ---------------------------------------------------------------------

    def new_value(self, value: Any) -> Any:
        """What to put in the place of a value; the value itself where nothing stands for it."""
        found = self._values.get(id(value))
        return found[1] if found is not None and found[0] is value else value

    def stand_in_of(self, real: Any) -> Any:
        """What stands for an object made before we came; None where nothing does."""
        found = self._stand_ins.get(id(real))
        return None if found is None else found[1]

    def new_object(self, real: Any, name: str) -> Any:
        """What to put in the place of an object made before we came, found under ``name``."""
        make = self._makers.get(type(real))
        if make is None:
            return real
        known = self.stand_in_of(real)
        if known is None:
            known = make(real, name)
            if known is None:
                return real
            self._stand_ins[id(real)] = (real, known)
        return known

    def kind_of(self, cls: type) -> str | None:
        """What objects of a class are called in traces, if it is one of the primitives."""
        return next((self._named[base] for base in cls.__mro__ if base in self._named), None)

    # -- modules that are not the user's: names only ----------------------------------------------------------

    def _swap_in_module(self, module: ModuleType) -> None:
        values = self._values
        space = vars(module)
        for key, held in list(space.items()):
            found = values.get(id(held))
            if found is not None and found[0] is held:
                self.put(space, key, found[1])
                self._names.append((space, key, held, found[1]))
            elif isinstance(held, FunctionType):
                self.swap_defaults(held)
            elif isinstance(held, type) and held.__module__ == module.__name__:
                self._swap_in_class(held)

    def _swap_in_class(self, owner: type) -> None:
        for key, held in list(vars(owner).items()):
            inner = held.__func__ if isinstance(held, (staticmethod, classmethod)) else held
            new = self.new_value(inner)
            if new is not inner:
                self.put_in_class(owner, key, held, new)
            elif isinstance(inner, FunctionType):
                self.swap_defaults(inner)

    def put(self, space: Any, key: Any, new: Any) -> None:
        """Set an item of a dict or list until `undo`."""
        self._undo.append(functools.partial(space.__setitem__, key, space[key]))
        space[key] = new

    def put_in_class(self, owner: type, key: str, held: Any, new: Any) -> None:
        """Set a class attribute until `undo`; a function does not become a method where a builtin did not."""
        if isinstance(held, (staticmethod, classmethod)):
            new = type(held)(new)
        elif isinstance(new, FunctionType):
            new = staticmethod(new)
        setattr(owner, key, new)
        self._undo.append(functools.partial(setattr, owner, key, held))

    def swap_defaults(self, function: FunctionType) -> None:
        """Replace values among a function's default arguments."""
        defaults = function.__defaults__
        if defaults and any(id(d) in self._values for d in defaults):
            function.__defaults__ = tuple(self.new_value(d) for d in defaults)
            self._undo.append(functools.partial(setattr, function, "__defaults__", defaults))
        keywords = function.__kwdefaults__
        if keywords and any(id(d) in self._values for d in keywords.values()):
            function.__kwdefaults__ = {key: self.new_value(d) for key, d in keywords.items()}
            self._undo.append(functools.partial(setattr, function, "__kwdefaults__", keywords))
