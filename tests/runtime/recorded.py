"""Programs with every kind of primitive, and the traces of a few seeded executions of each.

    PYTHONPATH=. python tests/runtime/recorded.py > tests/runtime/traces.txt
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

import harness
from harness.search import Random
from harness.search.runner import Runner

SEEDS = (0, 1, 2)
module_lock = threading.Lock()
module_event = threading.Event()
module_local = threading.local()


def together(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def locks():
    lock, again = threading.Lock(), threading.RLock()

    def work():
        with lock, again, again, module_lock:
            harness.step("shared")
        lock.acquire(timeout=1)
        lock.release()

    together(work, work)


def conditions():
    condition, ready = threading.Condition(), []

    def wait_for_it():
        with condition:
            condition.wait_for(lambda: ready, timeout=5)

    def tell():
        with condition:
            ready.append(1)
            condition.notify_all()

    together(wait_for_it, wait_for_it, tell)


def signals():
    gate, room = threading.Barrier(2), threading.BoundedSemaphore(1)

    def work():
        gate.wait()
        with room:
            module_event.set()
        module_event.wait(1)

    timer = threading.Timer(1, work)
    timer.start()
    work()
    timer.join()


def queues():
    q, simple = queue.Queue(1), queue.SimpleQueue()

    def produce():
        for n in range(2):
            q.put(n)
            simple.put(n)

    def consume():
        for _ in range(2):
            q.get(timeout=3)
            q.task_done()
            simple.get()

    together(produce, consume)
    q.join()


def futures():
    extra = Future()
    with ThreadPoolExecutor(2) as pool:
        work = {pool.submit(lambda n=n: n) for n in range(3)}
        for future in as_completed(work):
            future.result()
        wait(work)
        pool.submit(extra.set_result, 1)
    extra.result()


def nested():
    def inner():
        time.sleep(0.1)
        module_local.x = threading.get_ident()
        harness.step(("tuple", module_local.x), "read")

    def outer():
        together(inner, inner)
        threading.active_count()

    together(outer, outer)


PROGRAMS = (locks, conditions, signals, queues, futures, nested)


def record():
    """The traces as text, a line a step."""
    lines = []
    for program in PROGRAMS:
        with Runner(program) as runner:
            for seed in SEEDS:
                strategy = Random(1, seed)
                strategy.start()
                execution = runner.run(strategy)
                lines.append(f"-- {program.__name__}, seed {seed}: {execution.ending}")
                lines += [f"{step.task.key} {step.kind} {step.resource} {step.outcome}" for step in execution.steps]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(record().replace("__main__.", "recorded."), end="")
