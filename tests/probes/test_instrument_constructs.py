"""Every construct of the language does the same plain, instrumented outside an execution, and instrumented inside."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.probes.instrumented import Modules, inside, swapped

SNIPPETS = {
    "attributes": """
        class Box:
            limit = 3
            def __init__(self): self.a = self.b = 1
        def run():
            box = Box()
            box.a += 4; box.b -= 1; box.a *= box.b + 2
            box.c: int = 5
            del box.b
            return sorted(vars(box).items()), box.limit, hasattr(box, "b"), getattr(box, "zz", 9)
        """,
    "slots": """
        class P:
            __slots__ = ("x", "__y")
            def __init__(self): self.x, self.__y = 1, 2
            def both(self): return self.x, self.__y
        def run():
            p = P(); p.x += 1
            try: p.z = 1
            except AttributeError as e: return p.both(), str(e)
        """,
    "mangling": """
        class _A:
            __count = 0
            def __bump(self): self.__count += 1; return self.__count
            def go(self): return self.__bump() + self.__bump()
        def run():
            a = _A(); r = a.go()
            return r, vars(a)
        """,
    "properties": """
        import functools
        class T:
            def __init__(self): self._v = 1
            @property
            def v(self): return self._v
            @v.setter
            def v(self, x): self._v = x * 2
            @v.deleter
            def v(self): self._v = None
            @staticmethod
            def s(x): return x + 1
            @classmethod
            def c(cls, x): return cls.__name__, x
            @functools.cached_property
            def k(self): return [self._v]
        def run():
            t = T(); t.v += 5; r = [t.v, t.s(1), T.c(2), t.k, t.k is t.k]
            del t.v
            return r, t.v
        """,
    "getattr": """
        class D:
            def __init__(self): self.seen = []
            def __getattr__(self, name):
                if name.startswith("x"): return name
                raise AttributeError(name)
            def __setattr__(self, name, value): object.__setattr__(self, name, value)
        def run():
            d = D(); d.y = 1; r = [d.xa, d.y]
            try: d.nope
            except AttributeError as e: r.append(str(e))
            return r
        """,
    "supers": """
        class A:
            def __init__(self, n): self.n = n
            def f(self): return [self.n]
        class B(A):
            def __init__(self, n): super().__init__(n); self.m = 1
            def f(self): return super().f() + [__class__.__name__, super(B, self).f()]
        class R(dict):
            def __setitem__(self, k, v): super().__setitem__(k, v + 1)
        def run():
            r = R(); r["a"] = 1; r["a"] += 1
            return B(3).f(), r, r.get("a")
        """,
    "items": """
        def run():
            l = [1, 2, 3, 4]; d = {"a": [0]}; i = 0
            l[i + 1] += 5; l[-1] = 9; l[1:3] = [7, 8, 9]; d["a"][0] += 1; d["b"], d["c"] = 1, 2
            l[0], l[1] = l[1], l[0]
            del l[2:3], d["b"]
            l[1:2] += [5]
            m = [[0, 1], [2, 3]]; m[i][1], m[1][i] = m[1][i], m[i][1]
            return l, d, l[::2], l[:-1], "abc"[1], (1, 2)[0], m, b"ab"[0], list[int]
        """,
    "order_of_evaluation": """
        log = []
        def note(x): log.append(x); return x
        class Box: pass
        def run():
            log.clear()
            d = {}; b = Box(); b.d = d
            def box(): log.append("box"); return b
            box().d[note("k")] = note("v")
            box().d[note("k")] += note("w")
            box().z = note("q")
            box().z += note("r")
            note(3) in box().d
            note("l") + note("r"), note(1) < note(2) < note(3)
            del box().d[note("k")]
            (box().p, box().d[note("t")]) = note("ab")
            return list(log), b.z, b.p, d
        """,
    "methods": """
        from collections import deque, defaultdict, Counter, OrderedDict
        def run():
            l = [3, 1]; l.append(2); l.sort(); l.extend({9}); l.insert(0, 5); p = l.pop()
            d = dict(a=1); d.update(b=2); s = d.setdefault("c", []); s.append(1); g = d.get("zz", 4)
            q = deque([1, 2], maxlen=2); q.append(3); q.rotate(1)
            w = {1, 2}; w.add(3); w.discard(1); w |= {7}
            f = l.append; f(8)
            e = defaultdict(list); e["x"].append(1)
            c = Counter("aab"); c["a"] += 1
            o = OrderedDict(a=1, b=2); o.move_to_end("a")
            b = bytearray(b"ab"); b[0] = 99; b.extend(b"c")
            return l, p, d, g, q, sorted(w), dict(e), c, list(o), bytes(b), ",".join(sorted(d)), len(d), sum(l)
        """,
    "globals": """
        total = 0
        names = []
        limit = 5
        def add(n):
            global total, names
            total += n
            names = names + [n]
            return total
        def run():
            global total, names, late
            total, names = 0, []
            for total in range(2): pass
            late = 1; del late
            try: late
            except NameError as e: r = str(e)
            return add(2), add(3), names, limit, r
        """,
    "closures": """
        def counter():
            n = 0
            def up(k=1):
                nonlocal n
                n += k
                return n
            def get(): return n
            return up, get
        def late():
            fs = []
            for i in range(3):
                fs.append(lambda: i)
            return [f() for f in fs]
        def unbound():
            def f(): return x
            try: f()
            except NameError as e: r = str(e)
            x = 1; x = 2
            return r, f()
        a_up, a_get = counter()
        def run():
            up, get = counter(); up(); up(3)
            a_up()
            return get(), late(), unbound(), (lambda z: (lambda: z + 1))(2)()
        """,
    "generators": """
        def gen(n):
            for i in range(n):
                got = yield i
                if got: yield got
            return "end"
        def outer():
            r = yield from gen(2)
            yield r
        def run():
            g = gen(3); r = [next(g), g.send("x"), *g]
            l = [1, 2, 3]
            def live():
                for x in l: yield x
            it = live(); r.append(next(it)); l.append(4)
            return r, list(outer()), list(it), (yield_all(l))
        def yield_all(x): return list((lambda: (yield from x))())
        """,
    "comprehensions": """
        class C:
            def __init__(self): self.items = [3, 1, 2]; self.by = {"a": 1}
            def f(self):
                k = 2
                return ([x * k for x in self.items if x], {x for x in self.items}, {a: b for a, b in self.by.items()},
                        sum(x for x in self.items), [[y for y in self.items if y > x] for x in self.items],
                        [last := x for x in self.items], last)
        def run(): return C().f()
        """,
    "loops": """
        class C: pass
        def run():
            c = C(); d = {}; r = []
            for c.x in [1, 2]: r.append(c.x)
            for d["k"], c.y in [(1, 2)]: r.append(d["k"])
            else: r.append("else")
            q = [1, 2, 3]
            while q:
                if q.pop() == 2: break
            for i, (a, *b) in enumerate([[1, 2, 3]]): r += [i, a, b]
            for x in q: q.append(5) if len(q) < 4 else None
            for k in d.keys(): r.append(k)
            return r, q, list(zip(q, d.items())), [*reversed(q)]
        """,
    "changed while iterating": """
        def run():
            d = {1: 2}
            for k in d:
                d[k + 1] = 3
        """,
    "matching": """
        import enum
        class Color(enum.Enum):
            RED = 1
        class P:
            __match_args__ = ("x", "y")
            def __init__(self, x, y): self.x, self.y = x, y
        def what(v, limit=5):
            match v:
                case Color.RED: return "red"
                case P(0, y=z) if z > limit: return "big", z
                case P(x, y): return "p", x, y
                case {"k": [a, *rest], **more}: return a, rest, more
                case [1, _, *tail]: return tail
                case str() as s if s: return s
                case 4 | 5: return "four"
                case _: return None
        def run():
            return [what(v) for v in (Color.RED, P(0, 9), P(1, 2), {"k": [1, 2], "m": 3}, [1, 2, 3], "s", 5, 7)]
        """,
    "strings": """
        class C: pass
        def run():
            c = C(); c.l = [1]; c.w = 6
            return f"{c.l!r:>{c.w}} {c.l[0]:03d} {c.w=} {len(c.l)}", "%s" % c.l, "{}".format(c.l), b"x" + b"y"
        """,
    "walrus": """
        class C: pass
        def run():
            c = C(); c.n = 3
            if (k := c.n) > 2 and (m := [k]): pass
            return k, m, (lambda: (z := c.n) + z)()
        """,
    "truth": """
        class T:
            def __bool__(self): return False
        def run():
            l, d, n = [], {1: 1}, None
            return (l or d), (d and l), not l, (1 if d else 2), [x for x in [l, d] if x], bool(T()), not T(), \\
                n is None, l == [], d != {}, 1 in d, 2 not in d, 1 < 2 < 3, l is l, [1] + l, {1} | {2}, {1: 1} | d
        """,
    "errors": """
        class C: pass
        def inner(c):
            try:
                c.missing
            finally:
                c.done = True
        def run():
            c = C()
            try:
                inner(c)
            except AttributeError as error:
                raise ValueError("no") from error
        """,
    "key error": """
        def run():
            d = {}
            x = d[
                "a" + "b"
            ]
        """,
    "type error": """
        def run():
            a = 1
            b = "x"
            return (a
                + b)
        """,
    "contextmanagers": """
        import contextlib
        class C: pass
        @contextlib.contextmanager
        def cm(c):
            c.open = True
            try: yield c
            finally: c.open = False
        def run():
            c = C()
            with cm(c) as c.me, contextlib.suppress(KeyError): c.was = c.open; {}[1]
            return c.was, c.open, c.me is c
        """,
    "decorators": """
        import functools
        def twice(f):
            @functools.wraps(f)
            def g(*a, **k): return f(*a, **k), f(*a, **k)
            return g
        @twice
        @functools.lru_cache
        def h(x, *, y=[1]): return [x, *y]
        class K:
            @twice
            def m(self, *args, **kw): return args, kw
        def run(): return h(1, y=(2,)), K().m(*[1, 2], **{"a": 1}), h.__name__
        """,
    "classes in functions": """
        import dataclasses
        def make(base):
            @dataclasses.dataclass
            class D(base):
                x: int = 0
                items: list = dataclasses.field(default_factory=lambda: [1])
                seen = [n for n in range(2)]
                def up(self): self.x += 1; return self.x
            return D
        def run():
            d = make(object)(); d.up(); d.items.append(2)
            return d.x, d.items, d.seen, d == make(object)(), repr(d).rpartition(".")[2]
        """,
    "frames": """
        import sys
        def caller(): return sys._getframe(1).f_code.co_name
        class C:
            def who(self): return sys._getframe(1).f_lineno
        def run():
            a = 1
            return caller(), C().who(), sorted(locals()), vars(C()), eval("a + 1"), dir()
        """,
    "asynchronous": """
        import asyncio
        class C: n = 0
        async def work(c):
            c.n += 1
            await asyncio.sleep(0)
            return [c.n async for _ in numbers()]
        async def numbers():
            yield 1
        def run(): return asyncio.run(work(C())) if False else work.__code__.co_name
        """,
    "recursion": """
        def fact(n): return 1 if n < 2 else n * fact(n - 1)
        def run(): return fact(20), run.__doc__, fact.__defaults__
        """,
    "docstrings and annotations": '''
        from __future__ import annotations
        def f(x: Missing = 1) -> Nope:
            """Doc."""
            y: Unknown = x
            return y
        def run(): return f(), f.__doc__, f.__annotations__, (lambda: None).__doc__
        ''',
    "class attributes": """
        class C:
            n = 0
            seen = []
            @classmethod
            def add(cls): cls.n += 1; cls.seen.append(cls.n); return cls.n
        def run():
            C.n = 0; C.seen.clear(); C.add(); c = C(); c.n += 5
            return C.n, c.n, C.seen, C.__name__, type(c).__qualname__
        """,
    "matrix and in-place": """
        class M:
            def __init__(self): self.v = 1
            def __matmul__(self, o): return ("mm", o)
            def __iadd__(self, o): self.v += o; return self
            def __getitem__(self, k): return k
            def __setitem__(self, k, x): self.last = (k, x)
        def run():
            m = M(); k = m; m += 2; r = m @ 3; m[1, 2] = 5; m[1:2, ::3] = 6
            l = [1]; a = l; l += [2]; l *= 2
            return m is k, m.v, r, m[1:2], m[1, ...], m.last, a is l, a
        """,
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Modules(tmp_path)
    yield made
    made.forget()


def outcome(run: Any, path: str) -> tuple[str, Any]:
    """A result, or an exception with its text, its lines in the module, and those of its cause."""
    try:
        return "result", repr(run())
    except Exception as error:
        lines = []
        each: BaseException | None = error
        while each is not None:
            frames = [(f.name, f.lineno) for f in traceback.extract_tb(each.__traceback__) if f.filename == path]
            lines.append((type(each).__name__, str(each), frames))
            each = each.__cause__
        return "raised", lines


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_construct_does_the_same_when_instrumented(name: str, module: Modules) -> None:
    one = module(SNIPPETS[name])
    path = one.__file__
    assert path is not None
    first = outcome(one.run, path)
    plain = outcome(one.run, path)
    with swapped(one):
        code = one.run.__code__
        outside = outcome(one.run, path)
    assert outside == plain
    assert code is not one.run.__code__, "it was not swapped at all"
    again = outcome(one.run, path)
    under = inside(one, lambda: outcome(one.run, path))
    if name == "closures":  # one of its closures counts on
        assert first[0] == under[0] == "result"
    assert under == plain == again


def test_the_lines_of_the_code_are_those_of_the_source(module: Modules) -> None:
    from harness.probes import instrument_code

    for source in SNIPPETS.values():
        one = module(source)
        read = instrument_code.read(one)
        for before, after in instrument_code.instrumented(read, instrument_code.stores(read)).items():
            lines = {line for _, _, line in before.co_lines() if line}
            assert {line for _, _, line in after.co_lines() if line} <= lines, before.co_name
            assert before.co_firstlineno == after.co_firstlineno
            assert before.co_freevars == after.co_freevars


