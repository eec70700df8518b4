from __future__ import annotations

import queue
import sys
import threading

import pytest
from sameness import agree, run, same

import harness


def attempt(act, *args, **kw):
    try:
        return act(*args, **kw)
    except Exception as error:
        return type(error).__name__


@same
def test_a_queue_is_first_in_first_out():
    q = queue.Queue()
    [q.put(n) for n in (3, 1, 2)]
    return [q.get() for _ in range(3)]


@same
def test_a_lifo_queue_is_last_in_first_out():
    q = queue.LifoQueue()
    [q.put(n) for n in (3, 1, 2)]
    return [q.get() for _ in range(3)]


@same
def test_a_priority_queue_gives_the_least():
    q = queue.PriorityQueue()
    [q.put(n) for n in (3, 1, 2)]
    return [q.get() for _ in range(3)]


@same
def test_get_waits_for_put():
    q = queue.Queue()
    return run(lambda: [q.get(), q.get()], lambda: [q.put(1), q.put(2)])[0]


@same
def test_put_waits_for_room():
    q = queue.Queue(1)
    return run(lambda: [q.put(n) for n in range(3)] and None, lambda: [q.get() for _ in range(3)])[1]


@same
def test_empty_is_raised_without_blocking_and_after_a_timeout():
    q = queue.Queue()
    return attempt(q.get_nowait), attempt(q.get, False), attempt(q.get, timeout=0.01), attempt(q.get, True, 0)


@same
def test_full_is_raised_without_blocking_and_after_a_timeout():
    q = queue.Queue(1)
    q.put(1)
    tried = attempt(q.put_nowait, 2), attempt(q.put, 2, False)
    return tried, attempt(q.put, 2, timeout=0.01), attempt(q.put, 2, True, 0)


@same
def test_a_negative_timeout_is_refused():
    q = queue.Queue()
    return attempt(q.get, True, -1), attempt(q.put, 1, True, -1), attempt(q.put, 1, False, -1), q.qsize()


@same
def test_sizes_are_told():
    q = queue.Queue(2)
    seen = [(q.qsize(), q.empty(), q.full())]
    for n in range(2):
        q.put(n)
        seen.append((q.qsize(), q.empty(), q.full()))
    return seen


@same
def test_a_limit_below_one_is_none():
    q = queue.Queue(-1)
    [q.put(n) for n in range(5)]
    return q.qsize(), q.full()


@same
def test_task_done_too_often_raises():
    q = queue.Queue()
    q.put(1)
    q.get()
    q.task_done()
    q.task_done()


@same
def test_join_waits_until_all_is_done():
    q = queue.Queue()
    done = []

    def work():
        for _ in range(2):
            q.get()
            done.append(1)
            q.task_done()

    threading.Thread(target=work).start()
    q.put(1)
    q.put(2)
    q.join()
    return len(done), q.unfinished_tasks


@same
def test_join_of_an_untouched_queue_returns():
    return queue.Queue().join()


@same
def test_a_subclass_that_drops_items_has_the_size_it_says():
    class Unique(queue.Queue):
        def _init(self, maxsize):
            self.queue = set()

        def _put(self, item):
            self.queue.add(item)

        def _get(self):
            return self.queue.pop()

    q = Unique()
    q.put(1)
    q.put(1)
    return q.qsize(), q.get(), attempt(q.get_nowait)


@same
def test_the_queue_may_be_cleared_under_its_mutex():
    q = queue.Queue()
    q.put(1)
    with q.mutex:
        q.queue.clear()
    return q.qsize(), attempt(q.get_nowait)


@same
def test_who_holds_the_mutex_holds_everybody_up():
    q = queue.Queue()

    def move():
        with q.mutex:
            q.queue.append("a")
            harness.step("half way")
            q.queue.append("b")

    def look():
        return q.qsize() in (0, 2)

    return run(move, look)[1], q.get_nowait()


@same
def test_all_tasks_done_can_be_waited_for_with_a_timeout():
    q = queue.Queue()
    q.put(1)

    def work():
        q.get()
        q.task_done()

    def finished():
        with q.all_tasks_done:
            while q.unfinished_tasks:
                q.all_tasks_done.wait(60)
        return True

    return run(finished, work)[0]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="shutdown came with 3.13")
@same
def test_shutdown_refuses_puts_and_lets_the_rest_out():
    q = queue.Queue()
    q.put(1)
    q.shutdown()
    return attempt(q.put, 2), q.get(), attempt(q.get), attempt(q.get_nowait), q.is_shutdown


@pytest.mark.skipif(sys.version_info < (3, 13), reason="shutdown came with 3.13")
@same
def test_immediate_shutdown_drops_the_rest_and_ends_join():
    q = queue.Queue()
    q.put(1)
    q.put(2)
    q.shutdown(immediate=True)
    return q.join(), attempt(q.get), q.qsize()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="shutdown came with 3.13")
@same
def test_shutdown_wakes_those_who_wait():
    q = queue.Queue()
    return run(lambda: attempt(q.get), q.shutdown)[0]


@same
def test_a_simple_queue_is_first_in_first_out():
    q = queue.SimpleQueue()
    q.put(1)
    q.put(2, block=False, timeout=3)
    q.put_nowait(3)
    return q.qsize(), q.empty(), q.get(), q.get_nowait(), q.get(timeout=1), q.empty()


@same
def test_an_empty_simple_queue_raises():
    q = queue.SimpleQueue()
    return attempt(q.get_nowait), attempt(q.get, False), attempt(q.get, timeout=0.01), attempt(q.get, True, -1)


@same
def test_get_of_a_simple_queue_waits_for_put():
    q = queue.SimpleQueue()
    return run(q.get, lambda: q.put(7))[0]


class Mine(queue.SimpleQueue):
    def take(self):
        return self.get()


premade = queue.SimpleQueue()
premade.put("first")
premade_subclass = Mine()


@same
def test_a_simple_queue_made_before_we_came_starts_as_it_was():
    return run(lambda: premade.put(premade.get()))[0], premade.qsize()


@same
def test_a_subclass_of_simple_queue_made_before_we_came_works():
    local = Mine()
    return run(premade_subclass.take, lambda: premade_subclass.put(1)), run(local.take, lambda: local.put(2))


def test_results_agree_with_early_timeouts_where_the_program_asks_again():
    def body():
        q = queue.Queue(1)

        def put():
            while True:
                try:
                    return q.put(1, timeout=0.05)
                except queue.Full:
                    pass

        def take():
            while True:
                try:
                    return q.get(timeout=0.05)
                except queue.Empty:
                    pass

        return run(put, put, take, take)

    agree(body, timeouts=1)
