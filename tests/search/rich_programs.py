"""Random programs of the primitives that the interpreter does not know: for them plain search is the yardstick."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

from harness.probes.steps import step
from harness.runtime import Execution
from harness.search import Strategy
from harness.search.explore import Exploration, explore
from harness.search.runner import Runner

Action = tuple[str, int]
EXPECTED = (
    threading.BrokenBarrierError, futures.CancelledError, futures.InvalidStateError, futures.TimeoutError, ValueError,
    queue.Empty, queue.Full, RuntimeError,
)  # fmt: skip


class Program:
    """Two or three tasks with the given actions; `outcome` is how the last execution ended."""

    def __init__(self, actions: list[list[Action]]) -> None:
        self.actions = actions
        self.memory: dict[str, int] = {}
        self.seen: list[list[object]] = []

    def __call__(self) -> None:
        self.memory = {"x": 0}
        self.seen = [[] for _ in self.actions]
        self.barrier, self.future = threading.Barrier(2), futures.Future[int]()
        self.queue, self.simple = queue.Queue[int](1), queue.SimpleQueue[int]()
        self.rlock, self.lock, self.condition = threading.RLock(), threading.Lock(), threading.Condition()
        self.semaphore, self.bounded = threading.Semaphore(0), threading.BoundedSemaphore(1)
        self.event = threading.Event()
        used = any(kind.startswith("pool") for actions in self.actions for kind, _ in actions)
        self.pool: Any = futures.ThreadPoolExecutor(1) if used else None
        self.threads = [threading.Thread(target=self._task, args=(me,)) for me in range(len(self.actions))]
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if self.pool is not None:
            self.pool.shutdown()

    def _task(self, me: int) -> None:
        for kind, n in self.actions[me]:
            try:
                ACTIONS[kind](self, me, n)
            except EXPECTED as error:
                self.seen[me].append(type(error).__name__)

    def read(self, me: int) -> None:
        step("x", "read")
        self.seen[me].append(self.memory["x"])

    def write(self, value: int) -> None:
        step("x", "write")
        self.memory["x"] = value

    def neighbour(self, me: int) -> threading.Thread:
        return self.threads[1 - me if me < 2 else 0]

    def outcome(self, execution: Execution) -> tuple[object, ...]:
        failures = tuple(sorted(f.subject for f in execution.failures if f.kind == "exception"))
        assert "main" not in failures, [f.error for f in execution.failures]
        seen = tuple(tuple(map(str, mine)) for mine in self.seen)
        return (execution.ending != "finished", self.memory["x"], seen, failures)


def _locked(p: Program, me: int, n: int) -> None:
    with p.rlock, p.rlock:
        p.write(me + 30)


def _notify(p: Program, me: int, n: int) -> None:
    with p.condition:
        p.write(5)
        p.condition.notify_all()


def _wait(p: Program, me: int, n: int) -> None:
    with p.condition:
        p.seen[me].append(p.condition.wait(1 if n else None))
        p.read(me)


def _try_lock(p: Program, me: int, n: int) -> None:
    if p.lock.acquire(blocking=False):
        p.write(me + 70)
        p.lock.release()


def _daemon(p: Program, me: int, n: int) -> None:
    threading.Thread(target=lambda: (p.write(me + 60), p.write(me + 61)), daemon=True).start()


def _spawn(p: Program, me: int, n: int) -> None:
    thread = threading.Thread(target=p.write, args=(me + 40,))
    thread.start()
    if n:
        thread.join()


def _submit(p: Program, me: int, n: int) -> None:
    future = p.pool.submit(p.write, me + 20)
    p.seen[me].append(future.result() if n else future.done())


def _sleep(p: Program, me: int, n: int) -> None:
    time.sleep(n + 1)
    p.seen[me].append(round(time.monotonic()))


def _event(p: Program, me: int, n: int) -> None:
    p.seen[me].append(p.event.wait(n + 1))
    p.read(me)


def _join(p: Program, me: int, n: int) -> None:
    p.neighbour(me).join(1)
    p.read(me)


def _note(look: Callable[[Program, int], object]) -> Callable[[Program, int, int], None]:
    return lambda p, me, n: p.seen[me].append(look(p, n))


ACTIONS: dict[str, Callable[[Program, int, int], object]] = {
    "read": lambda p, me, n: p.read(me),
    "write": lambda p, me, n: p.write(me * 10 + n),
    "barrier": _note(lambda p, n: p.barrier.wait()),
    "timed barrier": _note(lambda p, n: p.barrier.wait(1)),
    "set future": lambda p, me, n: p.future.set_result(me),
    "result": _note(lambda p, n: p.future.result(1 if n else None)),
    "cancel": _note(lambda p, n: p.future.cancel()),
    "wait for future": _note(lambda p, n: len(futures.wait([p.future], timeout=1).done)),
    "pool submit": _submit,
    "task done": lambda p, me, n: p.queue.task_done(),
    "queue join": lambda p, me, n: (p.queue.join(), p.read(me)),
    "put": lambda p, me, n: p.queue.put(me, timeout=1 if n else None),
    "get": _note(lambda p, n: p.queue.get(timeout=1 if n else None)),
    "simple put": lambda p, me, n: p.simple.put(me),
    "simple get": _note(lambda p, n: p.simple.get(timeout=1)),
    "rlock": _locked,
    "try lock": _try_lock,
    "release two": lambda p, me, n: p.semaphore.release(2),
    "acquire": lambda p, me, n: (p.semaphore.acquire(), p.read(me)),
    "timed acquire": _note(lambda p, n: p.semaphore.acquire(timeout=n + 1)),
    "bounded acquire": _note(lambda p, n: p.bounded.acquire(blocking=bool(n))),
    "bounded release": lambda p, me, n: p.bounded.release(),
    "notify all": _notify,
    "wait": _wait,
    "spawn": _spawn,
    "daemon": _daemon,
    "alive": lambda p, me, n: p.seen[me].append(p.neighbour(me).is_alive()),
    "timed join": _join,
    "count": _note(lambda p, n: threading.active_count()),
    "sleep": _sleep,
    "set": lambda p, me, n: p.event.set(),
    "clear": lambda p, me, n: p.event.clear(),
    "timed event": _event,
}


def generate(seed: int, most: int) -> list[list[Action]]:
    """The actions of two or three tasks, about ``most`` in all."""
    chance = random.Random(seed)
    tasks = chance.randint(2, 3)
    program: list[list[Action]] = [[] for _ in range(tasks)]
    for _ in range(chance.randint(tasks, most)):
        program[chance.randrange(tasks)].append((chance.choice(list(ACTIONS)), chance.randint(0, 1)))
    return program


def run(program: Program, strategy: Strategy, most: int) -> tuple[set[object], Exploration]:
    """All outcomes that a search of at most so many executions shows."""
    outcomes: set[object] = set()

    def visit(execution: Execution) -> None:
        if execution.ending != "cut":
            outcomes.add(program.outcome(execution))

    with Runner(program) as runner:
        return outcomes, explore(runner, strategy, max_executions=most, visit=visit, confirm=False)


def small(first: int, count: int, most: int, strategy: Callable[[], Strategy], executions: int) -> Iterator[Any]:
    """The programs that ``strategy`` can finish, with their outcomes: (seed, program, outcomes)."""
    for seed in range(first, first + count):
        program = Program(generate(seed, most))
        outcomes, exploration = run(program, strategy(), executions)
        if exploration.complete:
            yield seed, program, outcomes
