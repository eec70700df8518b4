"""Random threaded programs, and what all their schedules can do: the yardstick of every reduction."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.faults import breaks
from harness.probes.steps import step
from harness.runtime import Execution, control
from harness.search import Strategy
from harness.search.explore import Exploration, explore
from harness.search.runner import Runner
from harness.trace import dependent

MEMORY = ("read", "write", "increment", "copy")
LOCKS = ("lock", "try-lock", "nested")
BLOCKING = ("semaphore", "release", "event-wait", "event-set", "event-clear", "put", "get", "get-nowait")
TIMED = ("timed-semaphore", "timed-event", "timed-get", "timed-lock")
CONDITIONS = ("wait", "notify", "timed-wait")
OTHER = ("choice", "poll", "locked?", "assert")
FAULTS = ("try-write", "try-increment", "give-up")
ALL = MEMORY + LOCKS + BLOCKING + TIMED + CONDITIONS + OTHER


@dataclass
class World:
    """The shared state of one execution of a random program."""

    memory: dict[str, int] = field(default_factory=lambda: {"x": 0, "y": 0})
    locks: list[Any] = field(default_factory=lambda: [threading.Lock(), threading.Lock()])
    semaphore: Any = field(default_factory=lambda: threading.Semaphore(1))
    event: Any = field(default_factory=threading.Event)
    queue: Any = field(default_factory=lambda: queue.Queue(1))
    condition: Any = field(default_factory=threading.Condition)
    seen: dict[int, list[object]] = field(default_factory=dict)


Action = tuple[str, str, int]
"""What to do, with which variable, with which small number."""


def generate(seed: int, kinds: Iterable[str] = ALL, most: int = 10) -> list[list[Action]]:
    """A program: the actions of each of two to four tasks, about ``most`` in all."""
    chance = random.Random(seed)
    pool = tuple(kinds)
    tasks = chance.randint(2, 4 if most > 5 else 3)
    total = chance.randint(tasks, most)
    program: list[list[Action]] = [[] for _ in range(tasks)]
    for _ in range(total):
        action = (chance.choice(pool), chance.choice("xy"), chance.randint(0, 1))
        program[chance.randrange(tasks)].append(action)
    return program


def _do(world: World, me: int, action: Action) -> None:
    kind, name, n = action
    seen = world.seen[me]
    memory = world.memory

    def read() -> int:
        step(name, "read")
        seen.append(memory[name])
        return memory[name]

    def write(value: int) -> None:
        step(name, "write")
        memory[name] = value

    if kind == "read":
        read()
    elif kind == "write":
        write(me * 10 + n)
    elif kind == "increment":
        write(read() + 1)
    elif kind == "copy":
        if read() > n:
            write(n)
    elif kind == "lock":
        with world.locks[n]:
            write(read() + 1)
    elif kind == "nested":
        with world.locks[n], world.locks[1 - n]:
            read()
    elif kind == "try-lock":
        if world.locks[n].acquire(blocking=False):
            write(me)
            world.locks[n].release()
        else:
            seen.append("held")
    elif kind == "timed-lock":
        if world.locks[n].acquire(timeout=1):
            write(me + 100)
            world.locks[n].release()
        else:
            seen.append("gave up")
    elif kind == "semaphore":
        world.semaphore.acquire()
        read()
    elif kind == "timed-semaphore":
        seen.append(world.semaphore.acquire(timeout=n + 1))
    elif kind == "release":
        world.semaphore.release()
    elif kind == "event-wait":
        world.event.wait()
        read()
    elif kind == "timed-event":
        seen.append(world.event.wait(n + 1))
        read()
    elif kind == "event-set":
        world.event.set()
    elif kind == "event-clear":
        world.event.clear()
    elif kind == "put":
        world.queue.put(me)
    elif kind == "get":
        seen.append(world.queue.get())
    elif kind == "get-nowait" or kind == "timed-get":
        try:
            seen.append(world.queue.get(timeout=1) if kind == "timed-get" else world.queue.get_nowait())
        except queue.Empty:
            seen.append("empty")
    elif kind == "wait" or kind == "timed-wait":
        with world.condition:
            if read() == 0:
                seen.append(world.condition.wait(1 if kind == "timed-wait" else None))
    elif kind == "notify":
        with world.condition:
            write(1)
            world.condition.notify(n + 1)
    elif kind == "try-write":
        write(me * 10 + n)
        if breaks(f"write {name} {me}", ("lost", "torn")):
            memory[name] = -n
    elif kind == "try-increment":
        value = read()
        if breaks(f"read {name}", ("stale",)):
            seen.append("stale")
        else:
            write(value + 1)
    elif kind == "give-up":
        if breaks(f"look {me}", ("gone", "barred")):
            seen.append("gave up")
            return
        read()
    elif kind == "choice":
        execution = control.current()
        assert execution is not None
        chosen = execution.choose("coin", ("heads", "tails"))
        seen.append(chosen)
        if chosen:
            write(me + 50)
    elif kind == "poll":
        import time

        for _ in range(2):
            if read():
                break
            time.sleep(1)
    elif kind == "locked?":
        seen.append(world.locks[n].locked())
    elif kind == "assert":
        assert read() < 12, f"{name} is too large"
    else:
        raise ValueError(kind)


class Program:
    """A random program that can be explored; `outcome` is the state in which the last execution ended."""

    def __init__(self, actions: list[list[Action]]) -> None:
        self.actions = actions
        self.world = World()

    def __call__(self) -> None:
        self.world = world = World()
        threads = []
        for me, actions in enumerate(self.actions):
            world.seen[me] = []
            threads.append(threading.Thread(target=self._task, args=(world, me, actions), name=f"task-{me}"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @staticmethod
    def _task(world: World, me: int, actions: list[Action]) -> None:
        for action in actions:
            _do(world, me, action)

    def outcome(self, execution: Execution) -> tuple[object, ...]:
        """Final memory, what each task saw, and how it ended."""
        memory = tuple(sorted(self.world.memory.items()))
        seen = tuple(tuple(values) for _, values in sorted(self.world.seen.items()))
        failures = tuple(sorted((f.kind, f.subject or f.where) for f in execution.failures))
        return (execution.ending, memory, seen, failures)


def trace_of(execution: Execution) -> frozenset[object]:
    """The Mazurkiewicz trace: who did what, and the order of dependent steps."""
    counts: dict[str, int] = {}
    named = []
    for taken in execution.steps:
        key = taken.task.key
        counts[key] = counts.get(key, 0) + 1
        named.append(((key, counts[key], taken.kind, taken.resource, taken.outcome, taken.fault), taken))
    order = {
        (a, b)
        for n, (a, first) in enumerate(named)
        for b, second in named[n + 1 :]
        if first.task is not second.task and dependent(first, second)
    }
    return frozenset([*order, *(name for name, _ in named)])


@dataclass
class Run:
    """What a search found: outcomes, distinct traces, how many executions."""

    outcomes: set[tuple[object, ...]]
    traces: set[frozenset[object]]
    exploration: Exploration
    strategy: Strategy


def run(
    program: Program,
    strategy: Strategy,
    timeouts: int = 1,
    most: int | None = None,
    traces_too: bool = False,
    faults: int = 0,
) -> Run:
    """Explore a random program; telling traces apart takes longer than running them."""
    outcomes: set[tuple[object, ...]] = set()
    traces: set[frozenset[object]] = set()

    def visit(execution: Execution) -> None:
        if execution.ending != "cut":
            outcomes.add(program.outcome(execution))
            if traces_too:
                traces.add(trace_of(execution))

    with Runner(program, timeouts=timeouts, faults=faults) as runner:
        exploration = explore(runner, strategy, max_executions=most, visit=visit, confirm=False)
    return Run(outcomes, traces, exploration, strategy)


Maker = Callable[[], Strategy]
