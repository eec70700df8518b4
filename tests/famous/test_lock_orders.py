"""Who waits for whom in a circle."""

from __future__ import annotations

import functools
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from famous import broken, proved, together


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock, threading.Semaphore, threading.Condition])
@pytest.mark.parametrize("inverted", [False, True])
def test_two_locks(make, inverted):
    def program():
        one, other = make(), make()

        def forwards():
            with one, other:
                pass

        def backwards():
            with other, one:
                pass

        together(forwards, backwards if inverted else forwards)

    if inverted:
        failure = broken(program, "deadlock")
        assert failure.error.endswith("waits for ever")
        holders = [row.holders for row in failure.finding.failure.waiting]
        if make is not threading.Semaphore:  # which nobody owns
            assert sum(bool(held) for held in holders) == 3
    else:
        proved(program)


@pytest.mark.parametrize("ordered", [False, True])
def test_dining_philosophers(ordered):
    def program():
        forks = [threading.Lock() for _ in range(3)]

        def dine(seat):
            first, second = forks[seat], forks[(seat + 1) % 3]
            if ordered and seat == 2:
                first, second = second, first
            with first, second:
                pass

        together(*[functools.partial(dine, seat) for seat in range(3)])

    if ordered:
        proved(program)
    else:
        broken(program, "deadlock")


class Account:
    def __init__(self, number, balance):
        self.number = number
        self.balance = balance
        self.lock = threading.Lock()


def transfer(source, target, amount, ordered):
    first, second = sorted((source, target), key=lambda a: a.number) if ordered else (source, target)
    with first.lock, second.lock:
        source.balance -= amount
        target.balance += amount


@pytest.mark.parametrize("ordered", [False, True])
def test_a_bank_transfer(ordered):
    def program():
        ann, bob = Account(1, 10), Account(2, 10)
        together(lambda: transfer(ann, bob, 1, ordered), lambda: transfer(bob, ann, 2, ordered))
        assert (ann.balance, bob.balance) == (11, 9)

    if ordered:
        proved(program, instrument=[transfer])
    else:
        broken(program, "deadlock", instrument=[transfer])


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock])
def test_a_lock_taken_twice(make):
    def program():
        lock = make()

        def again():
            with lock, lock:
                pass

        together(again, again)

    if make is threading.Lock:
        broken(program, "deadlock")
    else:
        proved(program)


@pytest.mark.parametrize("released", [False, True])
def test_a_join_under_a_lock(released):
    def program():
        lock = threading.Lock()

        def work():
            with lock:
                pass

        thread = threading.Thread(target=work)
        with lock:
            thread.start()
            if not released:
                thread.join()
        thread.join()

    if released:
        proved(program)
    else:
        broken(program, "deadlock")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_an_executor_whose_tasks_wait_for_each_other(workers):
    def program():
        with ThreadPoolExecutor(workers) as pool:

            def outer():
                return pool.submit(int).result()

            for future in [pool.submit(outer) for _ in range(2)]:
                future.result()

    if workers == 3:
        proved(program)
    else:
        broken(program, "deadlock")


class ReadersAndWriter:
    """Readers that become writers; ``one_at_a_time`` lets only one of them try."""

    def __init__(self, one_at_a_time):
        self.changed = threading.Condition()
        self.readers = 0
        self.upgrading = False
        self.one_at_a_time = one_at_a_time

    def read(self):
        with self.changed:
            self.readers += 1

    def upgrade(self):
        with self.changed:
            if self.one_at_a_time and self.upgrading:
                self.readers -= 1
                self.changed.notify_all()
                return False
            self.upgrading = True
            while self.readers > 1:
                self.changed.wait()
            self.readers -= 1
            self.upgrading = False
            self.changed.notify_all()
            return True


@pytest.mark.parametrize("one_at_a_time", [False, True])
def test_an_upgrade_of_a_read_lock(one_at_a_time):
    def program():
        lock = ReadersAndWriter(one_at_a_time)

        def work():
            lock.read()
            lock.upgrade()

        together(work, work)
        assert lock.readers == 0

    if one_at_a_time:
        proved(program)
    else:
        broken(program, "deadlock")


@pytest.mark.parametrize("size", [1, 2])
def test_a_bounded_queue_that_nobody_empties(size):
    def program():
        jobs = queue.Queue(size)

        def produce():
            for n in range(3):
                jobs.put(n)

        producer = threading.Thread(target=produce)
        producer.start()
        jobs.get()
        producer.join()

    if size == 2:
        proved(program)
    else:
        broken(program, "deadlock")


@pytest.mark.parametrize("told", [False, True])
def test_a_join_of_a_queue_whose_items_nobody_finishes(told):
    def program():
        jobs = queue.Queue()

        def work():
            jobs.get()
            if told:
                jobs.task_done()

        worker = threading.Thread(target=work)
        worker.start()
        jobs.put(1)
        jobs.join()
        worker.join()

    if told:
        proved(program)
    else:
        broken(program, "deadlock")


def test_an_exception_that_keeps_a_lock():
    def program(careful):
        lock = threading.Lock()

        def work():
            lock.acquire()
            try:
                raise ValueError
            except ValueError:
                if careful:
                    lock.release()
                return

        def other():
            with lock:
                pass

        together(work, other)

    broken(functools.partial(program, False), "deadlock")
    proved(functools.partial(program, True))


class Parent:
    """Calls out while it holds its lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.children = []

    def add(self, child):
        with self.lock:
            self.children.append(child)

    def close(self, outside):
        with self.lock:
            children = list(self.children)
            if not outside:
                for child in children:
                    child.close()
        if outside:
            for child in children:
                child.close()


class Child:
    def __init__(self, parent):
        self.lock = threading.Lock()
        self.parent = parent

    def close(self):
        with self.lock:
            pass

    def register(self):
        with self.lock:
            self.parent.add(self)


@pytest.mark.parametrize("outside", [False, True])
def test_a_callback_under_a_lock(outside):
    def program():
        parent = Parent()
        parent.add(Child(parent))
        together(lambda: parent.close(outside), parent.children[0].register)

    if outside:
        proved(program, instrument=[Parent])
    else:
        broken(program, "deadlock", instrument=[Parent])
