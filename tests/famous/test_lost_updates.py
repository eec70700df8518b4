"""Two threads read, both add, both write: in every place where Python keeps a value."""

from __future__ import annotations

import functools
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from famous import broken, proved, together


class Tally:
    made = 0

    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def up(self):
        self.value += 1

    def safe_up(self):
        with self.lock:
            self.value += 1

    @classmethod
    def count(cls):
        cls.made += 1


class Slotted:
    __slots__ = ("value",)

    def __init__(self):
        self.value = 0

    def up(self):
        self.value = self.value + 1


@dataclass
class Data:
    value: int = 0
    items: list = field(default_factory=list)

    def up(self):
        self.value += 1


@dataclass(slots=True)
class SlottedData:
    value: int = 0

    def up(self):
        self.value += 1


class Behind:
    def __init__(self):
        self._value = 0

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, new):
        self._value = new

    def up(self):
        self.value += 1


class Below(Behind):
    def up(self):
        super().up()


@pytest.mark.parametrize("cls", [Tally, Slotted, Data, SlottedData, Behind, Below])
def test_an_attribute(cls):
    def program():
        tally = cls()
        together(tally.up, tally.up)
        assert tally.value == 2

    broken(program, instrument=[cls, Behind])


def test_an_attribute_under_a_lock():
    def program():
        tally = Tally()
        together(tally.safe_up, tally.safe_up)
        assert tally.value == 2

    assert proved(program, instrument=[Tally]).executions == 2


def test_one_thread_forgets_the_lock():
    def program():
        tally = Tally()
        together(tally.safe_up, tally.up)
        assert tally.value == 2

    broken(program, instrument=[Tally])


class TwoLocks:
    def __init__(self, same):
        self.value = 0
        self.first = threading.Lock()
        self.second = self.first if same else threading.Lock()

    def up(self):
        with self.first:
            self.value += 1

    def down(self):
        with self.second:
            self.value -= 1


@pytest.mark.parametrize("same", [False, True])
def test_the_wrong_lock(same):
    def program():
        shared = TwoLocks(same)
        together(shared.up, shared.down)
        assert shared.value == 0

    (proved if same else broken)(program, instrument=[TwoLocks])


def test_a_class_attribute():
    def program():
        Tally.made = 0
        together(Tally.count, Tally.count)
        assert Tally.made == 2

    broken(program, instrument=[Tally])


total = 0
guard = threading.Lock()


def bump():
    global total
    total += 1


def safe_bump():
    global total
    with guard:
        total += 1


@pytest.mark.parametrize("act", [bump, safe_bump])
def test_a_global(act):
    def program():
        global total
        total = 0
        together(act, act)
        assert total == 2

    (broken if act is bump else proved)(program, instrument=[act])


def counter_of_closures():
    value = 0

    def up():
        nonlocal value
        value += 1

    return up, lambda: value


def test_a_captured_variable():
    def program():
        up, value = counter_of_closures()
        together(up, up)
        assert value() == 2

    broken(program, instrument=[counter_of_closures])


def items_of(made, key):
    def up():
        made[key] += 1

    together(up, up)
    assert made[key] == 2


@pytest.mark.parametrize(
    ("make", "key"),
    [(lambda: {"n": 0}, "n"), (lambda: [0], 0), (lambda: defaultdict(int), "n"), (Counter, "n"), (lambda: [1, 0], -1)],
)
def test_an_item(make, key):
    broken(lambda: items_of(make(), key), instrument=[items_of])


def namespace():
    shared = SimpleNamespace(value=0)

    def up():
        shared.value += 1

    together(up, up)
    assert shared.value == 2


def test_a_namespace():
    broken(namespace, instrument=[namespace])


class Worker(threading.Thread):
    def __init__(self, tally):
        super().__init__()
        self.tally = tally

    def run(self):
        self.tally.up()


def by_subclasses(tally):
    workers = [Worker(tally), Worker(tally)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def by_partials(tally):
    act = functools.partial(Tally.up, tally)
    together(act, act)


def by_arguments(tally):
    threads = [threading.Thread(target=lambda t, n: t.up(), args=(tally,), kwargs={"n": n}) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_map(tally):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: tally.up(), range(2)))


def by_futures(tally):
    with ThreadPoolExecutor() as pool:
        for future in [pool.submit(tally.up) for _ in range(2)]:
            future.result()


def by_timer(tally):
    timer = threading.Timer(5, tally.up)
    timer.start()
    tally.up()
    timer.join()


@pytest.mark.parametrize("start", [by_subclasses, by_partials, by_arguments, by_map, by_futures, by_timer])
def test_each_way_to_start_a_thread(start):
    def program():
        tally = Tally()
        start(tally)
        assert tally.value == 2

    broken(program, instrument=[Tally])


class TwoStages:
    """SCTBench's `twostage`: the second stage is read before it is written."""

    def __init__(self, one_lock):
        self.lock, self.second_lock = threading.RLock(), threading.RLock()
        if one_lock:
            self.second_lock = self.lock
        self.one_lock = one_lock
        self.first = self.second = 0

    def write(self):
        with self.lock:
            self.first = 1
            if self.one_lock:
                self.second = self.first + 1
        if not self.one_lock:
            with self.second_lock:
                self.second = self.first + 1

    def read(self):
        with self.lock:
            if not self.first:
                return
            first = self.first
        with self.second_lock:
            assert self.second == first + 1


@pytest.mark.parametrize("one_lock", [False, True])
def test_a_two_stage_lock(one_lock):
    def program():
        stages = TwoStages(one_lock)
        together(stages.write, stages.read)

    (proved if one_lock else broken)(program, instrument=[TwoStages])


# -- without locks ------------------------------------------------------------------------------------------------


class Node:
    def __init__(self, value, below=None):
        self.value = value
        self.below = below


class Cell:
    """A word with compare-and-swap."""

    def __init__(self):
        self.held = None
        self.lock = threading.Lock()

    def get(self):
        return self.held

    def swap(self, old, new):
        with self.lock:
            if self.held is not old:
                return False
            self.held = new
            return True


class Stack:
    """Treiber's stack."""

    def __init__(self):
        self.head = Cell()

    def push(self, node):
        while True:
            node.below = self.head.get()
            if self.head.swap(node.below, node):
                return

    def pop(self):
        while True:
            head = self.head.get()
            if head is None or self.head.swap(head, head.below):
                return head

    def drain(self):
        found = []
        while (node := self.pop()) is not None:
            found.append(node.value)
        return found


def test_pushes_onto_a_treiber_stack():
    def program():
        stack = Stack()
        together(lambda: stack.push(Node(1)), lambda: stack.push(Node(2)))
        assert sorted(stack.drain()) == [1, 2]

    proved(program, instrument=[Stack, Cell])


@pytest.mark.parametrize("reuse", [False, True])
def test_aba(reuse):
    """A node that was taken out and is put back looks as if nothing had happened."""

    def program():
        stack, got = Stack(), []
        for value in "ba":
            stack.push(Node(value))

        def take():
            got.extend(node.value for node in [stack.pop()] if node)

        def take_two_and_put_one_back():
            top, below = stack.pop(), stack.pop()
            if top:
                stack.push(top if reuse else Node(top.value))
            if below:
                got.append(below.value)

        together(take, take_two_and_put_one_back)
        assert sorted(got + stack.drain()) == ["a", "b"]

    (broken if reuse else proved)(program, instrument=[Stack, Cell, Node])


class Sorted:
    """A sorted linked list; ``lazy`` locks two neighbours and looks again whether they still are."""

    def __init__(self, lazy):
        self.head = Node(0, Node(9))
        self.lock = threading.Lock()
        self.lazy = lazy

    def add(self, value):
        while True:
            before, after = self.find(value)
            if not self.lazy:
                before.below = Node(value, after)
                return
            with self.lock:
                if before.below is after:
                    before.below = Node(value, after)
                    return

    def find(self, value):
        before, after = self.head, self.head.below
        while after.value < value:
            before, after = after, after.below
        return before, after

    def values(self):
        node, found = self.head.below, []
        while node.below is not None:
            found.append(node.value)
            node = node.below
        return found


@pytest.mark.parametrize("lazy", [False, True])
def test_a_lazy_list(lazy):
    def program():
        numbers = Sorted(lazy)
        together(lambda: numbers.add(3), lambda: numbers.add(5))
        assert numbers.values() == [3, 5]

    (proved if lazy else broken)(program, instrument=[Sorted, Node])
