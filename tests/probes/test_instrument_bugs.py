"""Classic small bugs in modules that know nothing of us: found with ``instrument=``; fixed forms proved."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import harness
from harness import Verdict
from tests.probes.instrumented import Modules, in_threads

Body = Callable[[ModuleType], None]


def pair(one: str, old: str, new: str) -> tuple[str, str]:
    assert old in one
    return one, one.replace(old, new)


def counter(m: ModuleType) -> None:
    c = m.Counter()
    in_threads(c.up, c.up)
    assert c.value == 2


def seats(m: ModuleType) -> None:
    shop = m.Shop(1)
    sold: list[bool] = []
    in_threads(lambda: sold.append(shop.buy()), lambda: sold.append(shop.buy()))
    assert sum(sold) == 1


def once(m: ModuleType) -> None:
    m._instance = None
    got: list[Any] = []
    in_threads(lambda: got.append(m.get()), lambda: got.append(m.get()))
    assert got[0] is got[1]
    assert all(each.ready for each in got)


def used(m: ModuleType) -> None:
    m._instance = None
    ready: list[bool] = []
    in_threads(lambda: ready.append(m.use()), lambda: ready.append(m.use()))
    assert ready == [True, True]


def ring(m: ModuleType) -> None:
    r = m.Ring(2)
    got: list[Any] = []
    in_threads(lambda: [r.put(n) for n in (1, 2, 3)], lambda: got.extend([r.get(), r.get(), r.get()]))
    got = [each for each in got if each is not None]
    assert got == sorted(set(got)), got


def lazy(m: ModuleType) -> None:
    m.cache.clear()
    got: list[Any] = []
    in_threads(lambda: got.append(m.get("k")), lambda: got.append(m.get("k")))
    assert got[0] is got[1]


def bag(m: ModuleType) -> None:
    b = m.Bag()
    in_threads(b.take, b.take)


def total(m: ModuleType) -> None:
    m.total = 0
    in_threads(m.bump, m.bump)
    assert m.total == 2


def closure(m: ModuleType) -> None:
    up, value = m.make()
    in_threads(up, up)
    assert value() == 2


def shared_class(m: ModuleType) -> None:
    m.Node.made = 0
    in_threads(m.Node, m.Node)
    assert m.Node.made == 2


def hash_of_lists(m: ModuleType) -> None:
    t = m.Table()
    in_threads(lambda: t.add("x", 1), lambda: t.add("x", 2))
    assert sorted(t.rows["x"]) == [1, 2]


def walked(m: ModuleType) -> None:
    m.seen.clear()
    m.seen["a"] = 1
    in_threads(lambda: m.put("b"), m.total_of)


def published(m: ModuleType) -> None:
    box = m.Box()
    in_threads(box.fill, box.look)


LOCKED_COUNTER = """
    import threading
    class Counter:
        def __init__(self):
            self.value = 0
            self.lock = threading.Lock()
        def up(self):
            with self.lock:
                self.value += 1
"""
SHOP = """
    import threading
    class Shop:
        def __init__(self, n): self.left = n; self.lock = threading.Lock()
        def buy(self):
            with self.lock:
                if self.left > 0:
                    self.left -= 1
                    return True
                return False
"""
ONCE = """
    import threading
    _instance = None
    _lock = threading.Lock()
    class Thing:
        def __init__(self): self.ready = False
        def fill(self): self.ready = True
    def get():
        global _instance
        if _instance is None:
            with _lock:
                if _instance is None:
                    thing = Thing()
                    thing.fill()
                    _instance = thing
        return _instance
    def use(): return get().ready
"""
RING = """
    class Ring:
        def __init__(self, size): self.slots = [None] * size; self.size = size; self.head = self.tail = 0
        def put(self, x):
            if self.tail - self.head >= self.size: return False
            self.slots[self.tail % self.size] = x
            self.tail += 1
            return True
        def get(self):
            if self.head >= self.tail: return None
            x = self.slots[self.head % self.size]
            self.head += 1
            return x
"""
LAZY = """
    import threading
    cache = {}
    lock = threading.Lock()
    def get(k):
        with lock:
            if k not in cache:
                cache[k] = object()
            return cache[k]
"""
BAG = """
    import threading
    class Bag:
        def __init__(self): self.items = [1]; self.lock = threading.Lock()
        def take(self):
            with self.lock:
                if self.items:
                    return self.items.pop()
"""
TOTAL = """
    import threading
    total = 0
    lock = threading.Lock()
    def bump():
        global total
        with lock:
            total += 1
"""
CLOSURE = """
    import threading
    def make():
        n = 0
        lock = threading.Lock()
        def up():
            nonlocal n
            with lock:
                n += 1
        return up, lambda: n
"""
NODE = """
    import threading
    class Node:
        made = 0
        lock = threading.Lock()
        def __init__(self):
            with self.lock:
                Node.made += 1
"""
TABLE = """
    import threading
    class Table:
        def __init__(self): self.rows = {}; self.lock = threading.Lock()
        def add(self, k, v):
            with self.lock:
                rows = self.rows.get(k)
                if rows is None:
                    rows = []
                    self.rows[k] = rows
            rows.append(v)
"""
WALK = """
    import threading
    seen = {}
    lock = threading.Lock()
    def put(k):
        with lock:
            seen[k] = 1
    def total_of():
        with lock:
            n = 0
            for k in seen: n += seen[k]
            return n
"""
BOX = """
    class Box:
        def __init__(self): self.full = False; self.value = None
        def fill(self):
            self.value = 5
            self.full = True
        def look(self):
            if self.full: assert self.value == 5
"""


def unlocked(text: str, lock: str = "with self.lock:") -> tuple[str, str]:
    return text, text.replace(lock, "if True:")


CASES: dict[str, tuple[Body, tuple[str, str]]] = {
    "lost update": (counter, unlocked(LOCKED_COUNTER)),
    "check then act": (seats, unlocked(SHOP)),
    "double-checked initialisation": (
        used, pair(ONCE, "thing = Thing()\n                    thing.fill()\n                    _instance = thing",
                   "_instance = Thing()\n                    _instance.fill()"),
    ),
    "initialised twice": (once, unlocked(ONCE, "with _lock:")),
    "ring buffer off by one": (ring, pair(RING, ">= self.size: return", "> self.size: return")),
    "ring buffer publishes too early": (
        ring, pair(RING, "            self.slots[self.tail % self.size] = x\n            self.tail += 1",
                   "            self.tail += 1\n            self.slots[(self.tail - 1) % self.size] = x"),
    ),
    "lazy dict": (lazy, unlocked(LAZY, "with lock:")),
    "pop from empty list": (bag, unlocked(BAG)),
    "lost update of a global": (total, unlocked(TOTAL, "with lock:")),
    "lost update of a closure variable": (closure, unlocked(CLOSURE, "with lock:")),
    "lost update of a class attribute": (shared_class, unlocked(NODE)),
    "list made twice": (hash_of_lists, unlocked(TABLE)),
    "dict changed while iterated": (walked, unlocked(WALK, "with lock:")),
    "published before it is ready": (
        published, pair(BOX, "self.value = 5\n            self.full = True",
                        "self.full = True\n            self.value = 5"),
    ),
}  # fmt: skip


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Modules(tmp_path)
    yield made
    made.forget()


@pytest.mark.parametrize("name", CASES)
def test_a_bug_is_found_and_replays(name: str, module: Modules) -> None:
    body, (_, broken) = CASES[name]
    m = module(broken)

    def program() -> None:
        body(m)

    if name != "ring buffer off by one":  # that one shows in any order
        assert harness.explore(program).verdict is not Verdict.BROKEN
    result = harness.explore(program, instrument=[m])
    assert result.verdict is Verdict.BROKEN
    assert result.failure is not None
    assert harness.replay(program, result.failure.token, instrument=[m]).verdict is Verdict.BROKEN


@pytest.mark.parametrize("name", CASES)
def test_its_fixed_form_is_proved(name: str, module: Modules) -> None:
    body, (fixed, _) = CASES[name]
    m = module(fixed)
    result = harness.explore(lambda: body(m), instrument=[m])
    assert result.verdict is Verdict.PROVED, (result.reasons, result.failure and result.failure.explain())


@pytest.mark.parametrize("name", CASES)
def test_reduction_misses_nothing_that_every_schedule_shows(name: str, module: Modules) -> None:
    """The same verdict by plain exhaustive search, where that is small enough."""
    body, (fixed, _) = CASES[name]
    m = module(fixed)
    result = harness.explore(lambda: body(m), strategy="dfs", instrument=[m], max_executions=300)
    assert result.verdict in (Verdict.PROVED, Verdict.INCONCLUSIVE)


PLAIN = "class C:\n    def __init__(self): self.value = 0\n    def up(self): self.value += 1\n"


def test_two_increments_have_four_traces_of_threads(module: Modules) -> None:
    """Reads and writes of one variable by two tasks: r1 w1 r2 w2 interleave in 6 ways; r1 r2 commute, so 4 are left."""
    m = module(PLAIN)

    def program() -> None:
        c = m.C()
        in_threads(c.up, c.up)

    assert harness.explore(program, instrument=[m]).executions == 4
    assert harness.explore(program, strategy="dfs", instrument=[m]).verdict is Verdict.PROVED


def test_writes_of_different_keys_and_objects_commute(module: Modules) -> None:
    m = module("def put(d, k):\n    d[k] = 1\n    d[k] += 1\n")

    def keys() -> None:
        d = {1: 0, 2: 0}
        in_threads(lambda: m.put(d, 1), lambda: m.put(d, 2))

    def objects() -> None:
        one: dict[int, int] = {}
        two: dict[int, int] = {}
        in_threads(lambda: m.put(one, 1), lambda: m.put(two, 1))

    assert harness.explore(keys, instrument=[m]).executions == 1
    assert harness.explore(objects, instrument=[m]).executions == 1


def test_objects_from_uninstrumented_code_are_told_apart_and_recognised(module: Modules) -> None:
    """A list made here, handed over in an argument, a closure, an executor's call, a queue and a tuple."""
    m = module(
        "def add(l):\n    n = l[0]\n    l[0] = n + 1\ndef first(pair): add(pair[0])\ndef taken(q): add(q.get())\n"
    )

    def by_argument() -> None:
        shared = [0]
        threads = [threading.Thread(target=m.add, args=(shared,)) for _ in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert shared == [2]

    def by_executor() -> None:
        shared = [0]
        with ThreadPoolExecutor(2) as pool:
            done = [pool.submit(m.add, shared), pool.submit(m.first, (shared, 1))]
        for each in done:
            each.result()
        assert shared == [2]

    def by_queue() -> None:
        shared = [0]
        q: queue.Queue[list[int]] = queue.Queue()
        q.put(shared)
        q.put(shared)
        in_threads(lambda: m.taken(q), lambda: m.taken(q))
        assert shared == [2]

    for program in (by_argument, by_executor, by_queue):
        result = harness.explore(program, instrument=[m])
        assert result.verdict is Verdict.BROKEN, program
        assert result.failure is not None
        assert re.search(r"read +item list \d", result.failure.explain()), result.failure.explain()
