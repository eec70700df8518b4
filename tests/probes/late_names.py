"""A module that bound and made everything before any exploration, as a user's does."""

from __future__ import annotations

import functools
import queue
import time
from _thread import allocate_lock
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock, RLock, Thread, Timer, local

pool = ThreadPoolExecutor(2)
made_lock = Lock()
made_rlock = RLock()
made_queue = queue.Queue()


class Counter:
    """Adds in two steps; safe only if its lock is one."""

    lock_class = Lock
    lock = Lock()

    def __init__(self, lock):
        self.value = 0
        self.lock = lock

    def add(self, step):
        with self.lock:
            seen = self.value
            step("value")
            self.value = seen + 1


module_counter = Counter(Lock())


class Worker(Thread):
    def __init__(self, work):
        super().__init__()
        self.work = work

    def run(self):
        self.work()


class Signal(Event):
    pass


class Context(local):
    pass


@dataclass
class Box:
    lock: object = field(default_factory=Lock)
    event: Event = field(default_factory=Event)


def with_default(make=Lock, *, sleep=time.sleep):
    sleep(0)
    return make()


def closed_over(make):
    def build():
        return make()

    return build


from_closure = closed_over(Lock)
from_partial = functools.partial(with_default, Lock)
factories = {"lock": Lock, "raw": allocate_lock, "list": [RLock]}
start = Thread
fire = Timer
