"""What is put in the place of the stdlib's names takes the same arguments."""

from __future__ import annotations

import concurrent.futures
import inspect
import queue
import threading
import time

import pytest

import harness

OWNERS = [
    threading.Thread, threading.Timer, threading.Condition, threading.Semaphore, threading.BoundedSemaphore,
    threading.Event, threading.Barrier, queue.Queue, queue.LifoQueue, queue.PriorityQueue,
    concurrent.futures.Future, concurrent.futures.ThreadPoolExecutor,
]  # fmt: skip
FUNCTIONS = [
    (threading, "current_thread"), (threading, "enumerate"), (threading, "active_count"), (threading, "main_thread"),
    (concurrent.futures, "wait"), (concurrent.futures, "as_completed"),
]  # fmt: skip


def signatures_of(owner):
    return {
        name: str(inspect.signature(getattr(owner, name)))
        for name in dir(owner)
        if callable(getattr(owner, name, None)) and (not name.startswith("_") or name in ("__init__", "__enter__"))
    }


def under_control(look):
    seen = []
    result = harness.explore(lambda: seen.append(look()), strategy="random", max_executions=1)
    assert result.failure is None, result.failure.error
    return seen[0]


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_the_methods_of_a_class_keep_their_signatures(owner):
    assert under_control(lambda: signatures_of(owner)) == signatures_of(owner)


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_a_class_stays_the_same_object(owner):
    assert under_control(lambda: owner) is owner


@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=lambda part: getattr(part, "__name__", part))
def test_functions_keep_their_signatures(module, name):
    def look():
        return list(inspect.signature(getattr(module, name)).parameters.items())

    def plain(parameters):
        return [(key, p.kind, p.default) for key, p in parameters]

    assert plain(under_control(look)) == plain(look())


CALLS = [
    (threading.Lock, [(), (1,)]),
    (threading.RLock, [(), (1,)]),
    (threading.Lock().acquire, [(), (True,), (False,), (True, -1), (True, 0), (False, 1), (True, 0, 0)]),
    (threading.RLock().acquire, [(), (False,), (True, 0.5), (False, 1), (True, 0, 0)]),
    (threading.get_ident, [(), (1,)]),
    (threading.get_native_id, [(), (1,)]),
    (queue.SimpleQueue, [(), (1,)]),
    (time.sleep, [(), (0,), (-1,), ("1",), (0, 0)]),
    (time.time, [(), (1,)]),
    (time.monotonic, [(), (1,)]),
    (time.perf_counter, [(), (1,)]),
    (time.monotonic_ns, [(), (1,)]),
]

TABLE = [(made, arguments) for made, tried in CALLS for arguments in tried]


def named(made):
    """The same call again, by name: what the name stands for changes."""
    owner = getattr(made, "__self__", None)
    if type(owner).__name__ in ("lock", "RLock"):
        return lambda *args: (threading.RLock if "RLock" in type(owner).__name__ else threading.Lock)().acquire(*args)
    module = {"Lock": threading, "allocate_lock": threading, "RLock": threading, "lock": threading}.get(made.__name__)
    if module is not None:
        name = "RLock" if made.__name__ == "RLock" else "Lock"
        return lambda *args: getattr(threading, name)(*args)
    for module in (threading, time, queue):
        if getattr(module, made.__name__, None) is made:
            return lambda *args, m=module, name=made.__name__: getattr(m, name)(*args)
    raise AssertionError(made)


def tried(call, arguments):
    try:
        return type(call(*arguments)).__name__.replace("Controlled", "").lower()
    except Exception as error:
        return type(error)


@pytest.mark.parametrize(("made", "arguments"), TABLE, ids=[f"{made.__name__}{args}" for made, args in TABLE])
def test_builtins_take_the_same_arguments(made, arguments):
    call = named(made)
    assert under_control(lambda: tried(call, arguments)) == tried(call, arguments)
