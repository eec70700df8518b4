"""A signal that comes too early, goes to the wrong one, or is taken for another."""

from __future__ import annotations

import functools
import threading

import pytest
from famous import broken, proved, together


@pytest.mark.parametrize("remembered", [False, True])
def test_a_notify_before_the_wait(remembered):
    def program():
        changed, ready = threading.Condition(), []

        def wait():
            with changed:
                if remembered:
                    changed.wait_for(lambda: ready)
                else:
                    changed.wait()

        def notify():
            with changed:
                ready.append(True)
                changed.notify()

        together(wait, notify)

    if remembered:
        proved(program)
    else:
        broken(program, "deadlock")


class Buffer:
    """A bounded buffer with one condition for producers and consumers."""

    def __init__(self, wake_all, loop=True, size=1):
        self.changed = threading.Condition()
        self.items = []
        self.size = size
        self.wake_all = wake_all
        self.loop = loop

    def wake(self):
        if self.wake_all:
            self.changed.notify_all()
        else:
            self.changed.notify()

    def put(self, item):
        with self.changed:
            while len(self.items) >= self.size:
                self.changed.wait()
            self.items.append(item)
            self.wake()

    def get(self):
        with self.changed:
            if self.loop:
                while not self.items:
                    self.changed.wait()
            elif not self.items:
                self.changed.wait()
            item = self.items.pop(0)
            self.wake()
            return item


@pytest.mark.parametrize("wake_all", [False, True])
def test_notify_where_two_kinds_of_thread_wait(wake_all):
    def program():
        buffer = Buffer(wake_all)
        together(lambda: buffer.put(1), lambda: buffer.put(2), buffer.get, buffer.get)

    if wake_all:
        proved(program)
    else:
        broken(program, "deadlock")


@pytest.mark.parametrize("loop", [False, True])
def test_an_if_where_a_while_belongs(loop):
    """The item is stolen by a thread that never waited."""

    def program():
        buffer = Buffer(wake_all=True, loop=loop, size=2)
        together(buffer.get, buffer.get, lambda: (buffer.put(1), buffer.put(2)))

    if loop:
        proved(program)
    else:
        assert "pop from empty list" in broken(program).error


@pytest.mark.parametrize("cleared", [False, True])
def test_an_event_that_is_cleared_before_all_have_seen_it(cleared):
    def program():
        go = threading.Event()

        def start():
            go.set()
            if cleared:
                go.clear()

        together(go.wait, start)

    if cleared:
        broken(program, "deadlock")
    else:
        proved(program)


class HomeMadeBarrier:
    """A counter and a semaphore as a gate; a second gate makes it safe to use again."""

    def __init__(self, parties, gates):
        self.parties = parties
        self.lock = threading.Lock()
        self.arrived = 0
        self.gates = [threading.Semaphore(0) for _ in range(gates)]

    def wait(self):
        for gate in self.gates:
            with self.lock:
                self.arrived += 1
                if self.arrived == self.parties:
                    self.arrived = 0
                    gate.release(self.parties)
            gate.acquire()


def phases(barrier, rounds=2):
    """No one may be in a round that another has not begun."""
    reached = [0, 0]

    def work(me):
        for n in range(1, rounds + 1):
            reached[me] = n
            barrier.wait()
            assert reached[1 - me] >= n

    together(lambda: work(0), lambda: work(1))


@pytest.mark.parametrize("gates", [1, 2])
def test_a_barrier_used_again(gates):
    (proved if gates == 2 else broken)(lambda: phases(HomeMadeBarrier(2, gates), rounds=2))


def test_the_barrier_of_the_standard_library_used_again():
    proved(lambda: phases(threading.Barrier(2)))


@pytest.mark.parametrize("twice", [False, True])
def test_a_semaphore_as_a_mutex_released_twice(twice):
    def program():
        mutex, inside = threading.Semaphore(1), []

        def careless():
            mutex.acquire()
            for _ in range(2 if twice else 1):
                mutex.release()

        def enter():
            with mutex:
                mine = threading.Lock()
                inside.append(mine)
                with seen:
                    assert inside == [mine]
                    inside.remove(mine)

        seen = threading.Lock()
        together(careless, enter, enter)

    if twice:
        broken(program)
    else:
        proved(program)


def test_a_bounded_semaphore_says_so():
    def program():
        mutex = threading.BoundedSemaphore(1)

        def careless():
            mutex.acquire()
            mutex.release()
            mutex.release()

        together(careless, lambda: (mutex.acquire(), mutex.release()))

    assert "released too many times" in broken(program).error


class Ring:
    """A token goes round; each waits for its turn on one condition."""

    def __init__(self, members, wake_all):
        self.members = members
        self.turn = 0
        self.moved = threading.Condition()
        self.wake_all = wake_all

    def take(self, me, rounds):
        for _ in range(rounds):
            with self.moved:
                while self.turn != me:
                    self.moved.wait()
                self.turn = (self.turn + 1) % self.members
                if self.wake_all:
                    self.moved.notify_all()
                else:
                    self.moved.notify()


@pytest.mark.parametrize("wake_all", [False, True])
def test_a_token_ring(wake_all):
    def program():
        ring = Ring(3, wake_all)
        together(*[functools.partial(ring.take, me, 1) for me in range(3)])
        assert ring.turn == 0

    if wake_all:
        proved(program)
    else:
        broken(program, "deadlock")


def test_a_token_ring_of_semaphores():
    def program(first):
        turns = [threading.Semaphore(n == first) for n in range(3)]
        order = []

        def take(me):
            turns[me].acquire()
            order.append(me)
            turns[(me + 1) % 3].release()

        together(*[functools.partial(take, me) for me in range(3)])
        assert order == [0, 1, 2]

    proved(functools.partial(program, 0))
    broken(functools.partial(program, 1))


class ReadWriteLock:
    """Many readers or one writer; ``again``: a reader that waited looks whether it may go on."""

    def __init__(self, again=True):
        self.changed = threading.Condition()
        self.readers = 0
        self.writing = False
        self.again = again

    def start_reading(self):
        with self.changed:
            if self.again:
                while self.writing:
                    self.changed.wait()
            elif self.writing:
                self.changed.wait()
            self.readers += 1

    def stop_reading(self):
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    def start_writing(self):
        with self.changed:
            while self.writing or self.readers:
                self.changed.wait()
            self.writing = True

    def stop_writing(self):
        with self.changed:
            self.writing = False
            self.changed.notify_all()


@pytest.mark.parametrize("again", [False, True])
def test_a_reader_that_was_overtaken_by_a_writer(again):
    def program():
        lock = ReadWriteLock(again)

        def write():
            lock.start_writing()
            with lock.changed:
                assert not lock.readers
            lock.stop_writing()

        def read():
            lock.start_reading()
            lock.stop_reading()

        together(write, write, read)

    if again:
        proved(program)
    else:
        broken(program)


class WriterFirst(ReadWriteLock):
    """Readers let waiting writers pass; ``counted``: a writer that waits is counted before it waits, not after."""

    def __init__(self, counted):
        super().__init__()
        self.waiting = 0
        self.counted = counted

    def start_reading(self):
        with self.changed:
            while self.writing or self.waiting:
                self.changed.wait()
            self.readers += 1

    def start_writing(self):
        with self.changed:
            self.waiting += 1
            while self.writing or self.readers:
                self.changed.wait()
            if self.counted:
                self.waiting -= 1
            self.writing = True


@pytest.mark.parametrize("counted", [False, True])
def test_a_preferred_writer_that_is_never_taken_off_the_list(counted):
    def program():
        lock = WriterFirst(counted)

        def write():
            lock.start_writing()
            lock.stop_writing()

        def read():
            lock.start_reading()
            lock.stop_reading()

        together(write, read)

    if counted:
        proved(program)
    else:
        broken(program, "deadlock")


@pytest.mark.parametrize("timeout", [None, 1.0])
def test_a_wait_whose_time_is_up(timeout):
    """The wait may expire just before the notify."""

    def program():
        changed, ready = threading.Condition(), []

        def wait():
            with changed:
                assert changed.wait_for(lambda: ready, timeout)

        def notify():
            with changed:
                ready.append(True)
                changed.notify()

        together(wait, notify)

    if timeout is None:
        proved(program)
    else:
        broken(program)


@pytest.mark.parametrize("make", [threading.Event, functools.partial(threading.Barrier, 2)])
def test_a_time_out_of_one_second(make):
    def program():
        shared = make()
        act = getattr(shared, "set", functools.partial(shared.wait, 1.0))
        together(lambda: shared.wait(1.0) is False and 1 // 0, act)

    broken(program)


def test_all_parties_run_the_barriers_action_once():
    def program():
        ran = []
        barrier = threading.Barrier(3, action=lambda: ran.append(1))

        def work():
            barrier.wait()
            assert ran == [1]

        together(work, work, work)

    proved(program)
