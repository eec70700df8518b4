"""What was looked at is no longer so when it is acted upon."""

from __future__ import annotations

import functools
import queue
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait

import pytest
from famous import broken, proved, together

import harness


def fixed_or_not(program, instrument=()):
    """``program`` takes whether it is the fixed form."""
    broken(functools.partial(program, False), instrument=instrument)
    proved(functools.partial(program, True), instrument=instrument)


class Shop:
    def __init__(self, careful):
        self.seats = 1
        self.lock = threading.RLock()
        self.careful = careful

    def free(self):
        with self.lock:
            return self.seats > 0

    def book(self):
        if self.careful:
            with self.lock:
                return self.take() if self.free() else False
        return self.take() if self.free() else False

    def take(self):
        with self.lock:
            self.seats -= 1
            return True


def test_the_last_seat():
    def program(careful):
        shop = Shop(careful)
        together(shop.book, shop.book)
        assert shop.seats == 0

    fixed_or_not(program, instrument=[Shop])


class Config:
    def __init__(self):
        self.ready = False

    def load(self):
        self.ready = True


_config = None
_lock = threading.Lock()


def config_without_lock():
    global _config
    if _config is None:
        made = Config()
        made.load()
        _config = made
    return _config


def config_published_too_early():
    global _config
    if _config is None:
        with _lock:
            if _config is None:
                _config = Config()
                _config.load()
    return _config


def config_checked_once():
    global _config
    if _config is None:
        with _lock:
            made = Config()
            made.load()
            _config = made
    return _config


def config_checked_twice():
    global _config
    if _config is None:
        with _lock:
            if _config is None:
                made = Config()
                made.load()
                _config = made
    return _config


@pytest.mark.parametrize(
    "get", [config_without_lock, config_published_too_early, config_checked_once, config_checked_twice]
)
def test_double_checked_initialisation(get):
    def program():
        global _config
        _config = None
        got = []

        def use():
            config = get()
            assert config.ready
            got.append(config)

        together(use, use)
        assert got[0] is got[1]

    (proved if get is config_checked_twice else broken)(program, instrument=[get, Config])


class Once:
    """A class that makes its only instance when it is first asked."""

    _instance = None
    _lock = threading.Lock()

    @classmethod
    def get(cls, careful):
        if careful:
            with cls._lock:
                return cls._get()
        return cls._get()

    @classmethod
    def _get(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance


def test_a_singleton():
    def program(careful):
        Once._instance = None
        got = []
        together(*[lambda: got.append(Once.get(careful))] * 2)
        assert got[0] is got[1]

    fixed_or_not(program, instrument=[Once])


def cached(careful):
    values, lock, got = {}, threading.RLock(), []

    def get(key):
        with lock:
            if careful:
                return values.setdefault(key, object())
            if key in values:
                return values[key]
        made = object()
        with lock:
            values[key] = made
        return made

    together(*[lambda: got.append(get("k"))] * 2)
    assert got[0] is got[1]


def test_a_cache():
    fixed_or_not(cached)


@pytest.mark.parametrize("careful", [False, True])
def test_a_key_that_is_looked_for_first(careful):
    def program():
        table = {"k": 1}

        def remove():
            if careful:
                table.pop("k", None)
            elif "k" in table:
                del table["k"]

        together(remove, remove)

    (proved if careful else broken)(program, instrument=[program])


@pytest.mark.parametrize("careful", [False, True])
def test_a_dict_that_changes_while_it_is_walked(careful):
    def program():
        table = {"a": 1}

        def walk():
            for key in list(table) if careful else table:
                assert table[key]

        together(walk, lambda: table.setdefault("b", 2))

    (proved if careful else broken)(program, instrument=[program])


@pytest.mark.parametrize("make", [queue.Queue, queue.SimpleQueue, queue.LifoQueue, queue.PriorityQueue])
def test_a_queue_asked_whether_it_is_empty(make):
    def program(careful):
        items = make()
        items.put(1)

        def take():
            try:
                if careful or not items.empty():
                    items.get_nowait()
            except queue.Empty:
                if not careful:
                    raise

        together(take, take)

    fixed_or_not(program)


def test_a_queue_asked_whether_it_is_empty_before_a_get_that_waits():
    def program():
        items = queue.SimpleQueue()
        items.put(1)

        def take():
            if not items.empty():
                items.get()

        together(take, take)

    broken(program, "deadlock")


class Ring:
    """One producer, one consumer, no lock. ``spare``: how many more than fit are let in."""

    def __init__(self, size, spare):
        self.slots = [None] * size
        self.size = size
        self.room = size + spare
        self.read = self.written = 0

    def put(self, item):
        if self.written - self.read >= self.room:
            return False
        self.slots[self.written % self.size] = item
        self.written += 1
        return True

    def get(self):
        if self.read == self.written:
            return None
        item = self.slots[self.read % self.size]
        self.read += 1
        return item


class Hasty(Ring):
    """Says that an item is there before it is."""

    def put(self, item):
        if self.written - self.read >= self.room:
            return False
        self.written += 1
        self.slots[(self.written - 1) % self.size] = item
        return True


def through(make):
    def program():
        ring, sent, got = make(), [], []

        def produce():
            sent.extend(n for n in (1, 2) if ring.put(n))

        def consume():
            got.extend([ring.get(), ring.get()])

        together(produce, consume)
        while ring.read != ring.written:
            got.append(ring.get())
        assert [item for item in got if item is not None] == sent

    return program


@pytest.mark.parametrize(("kind", "size", "spare"), [(Ring, 1, 0), (Ring, 2, 0), (Ring, 1, 1), (Hasty, 2, 0)])
def test_a_ring_buffer(kind, size, spare):
    right = kind is Ring and not spare
    (proved if right else broken)(through(lambda: kind(size, spare)), instrument=[Ring, Hasty])


# -- futures, timers, threads -------------------------------------------------------------------------------------


def test_a_future_asked_whether_it_is_done():
    def program(careful):
        made, lock = Future(), threading.Lock()

        def answer(value):
            if careful:
                lock.acquire()
            if not made.done():
                made.set_result(value)
            if careful:
                lock.release()

        together(lambda: answer(1), lambda: answer(2))
        assert made.result() in (1, 2)

    fixed_or_not(program)


def test_who_runs_a_callback():
    """The thread that settles a future, or the one that comes too late with its callback."""

    def program(careful):
        made, ran_in = Future(), []

        def note(_):
            ran_in.append(threading.current_thread().name)

        settle = threading.Thread(target=lambda: made.set_result(1), name="settle")
        attach = threading.Thread(target=lambda: made.add_done_callback(note), name="attach")
        for thread in (settle, attach):
            thread.start()
            if careful and thread is settle:
                thread.join()
        settle.join()
        attach.join()
        assert ran_in == ["attach" if careful else "settle"]

    broken(functools.partial(program, False))
    assert harness.explore(functools.partial(program, True)).ok


def test_the_order_in_which_futures_are_done():
    def program():
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(int, n) for n in range(2)]
            assert [future.result() for future in as_completed(futures)] == [0, 1]

    broken(program)


def test_the_future_that_is_done_first():
    def program():
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(int, n) for n in range(2)]
            done, _ = wait(futures, return_when=FIRST_COMPLETED)
            assert futures[0] in done

    broken(program)


def test_a_timer_that_is_cancelled_too_late():
    def program():
        fired = []
        timer = threading.Timer(1.0, fired.append, [1])
        timer.start()
        timer.cancel()
        timer.join()
        assert not fired

    broken(program)


def test_a_daemon_whose_work_is_not_waited_for():
    def program(careful):
        lock, written = threading.Lock(), []

        def write():
            with lock:
                written.append(1)

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        if careful:
            thread.join()
        with lock:
            assert written

    fixed_or_not(program)


context = threading.local()


def test_a_thread_local_that_is_set_in_another_thread():
    def program(careful):
        context.user = "ann"
        lock = threading.Lock()

        def work():
            if careful:
                context.user = "bob"
            with lock:
                assert context.user

        together(work, work)

    fixed_or_not(program)


def test_a_thread_asked_whether_it_is_alive():
    def program(careful):
        lock, done = threading.Lock(), []

        def work():
            with lock:
                done.append(1)

        thread = threading.Thread(target=work)
        thread.start()
        if careful:
            thread.join()
        with lock:
            assert done or (not careful and thread.is_alive())
        assert not thread.is_alive()

    fixed_or_not(program)
