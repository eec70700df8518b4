"""What a random program can do, worked out without loadloom: a small interpreter that visits every reachable state.

Independent of runtime, model and search on purpose: the primitives are written down again, as CPython's documentation
has them. A task is a generator of operations; what it got back so far says where it stands. States that were seen are
not visited again, so programs are in reach whose schedules nobody could run one by one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

Action = tuple[str, str, int]
Op = tuple[Any, ...]
"""An operation and its operands. The last operand of one that waits is its time-out in seconds, or None."""

WAITS = ("lock", "semaphore", "event", "get", "put", "wake", "leave")
EXPIRED = None
"""What a timed wait gets back in vain; unlike False it equals no number."""
CONDITION = 2
"""The number of the condition's lock."""


class Crash(Exception):
    """An assertion of the program fails."""


def body(me: int, actions: tuple[Action, ...], seen: list[Any]) -> Generator[Op, Any, None]:
    """One task; ``seen`` is what it notes down."""

    def read(name: str) -> Generator[Op, Any, Any]:
        value = yield "read", name
        seen.append(value)
        return value

    yield ("begin",)
    for kind, name, n in actions:
        if kind == "read":
            yield from read(name)
        elif kind == "write":
            yield "write", name, me * 10 + n
        elif kind == "increment":
            yield "write", name, (yield from read(name)) + 1
        elif kind == "copy":
            if (yield from read(name)) > n:
                yield "write", name, n
        elif kind == "lock":
            yield "lock", n, None
            yield "write", name, (yield from read(name)) + 1
            yield "unlock", n
        elif kind == "nested":
            yield "lock", n, None
            yield "lock", 1 - n, None
            yield from read(name)
            yield "unlock", 1 - n
            yield "unlock", n
        elif kind == "try-lock":
            if (yield "try-lock", n):
                yield "write", name, me
                yield "unlock", n
            else:
                seen.append("held")
        elif kind == "timed-lock":
            if (yield "lock", n, 1):
                yield "write", name, me + 100
                yield "unlock", n
            else:
                seen.append("gave up")
        elif kind == "semaphore":
            yield "semaphore", None
            yield from read(name)
        elif kind == "timed-semaphore":
            seen.append((yield "semaphore", n + 1) is not EXPIRED)
        elif kind == "release":
            yield ("release",)
        elif kind == "event-wait":
            yield "event", None
            yield from read(name)
        elif kind == "timed-event":
            seen.append((yield "event", n + 1) is not EXPIRED)
            yield from read(name)
        elif kind in ("event-set", "event-clear"):
            yield "flag", kind == "event-set"
        elif kind == "put":
            yield "put", me, None
        elif kind == "get":
            seen.append((yield "get", None))
        elif kind == "get-nowait":
            seen.append((yield ("try-get",)))
        elif kind == "timed-get":
            item = yield "get", 1
            seen.append("empty" if item is EXPIRED else item)
        elif kind in ("wait", "timed-wait"):
            yield "lock", CONDITION, None
            if (yield from read(name)) == 0:
                yield ("wait",)
                woken = yield "wake", 1 if kind == "timed-wait" else None
                if not woken:
                    yield "leave", None
                seen.append(woken is not EXPIRED)
            yield "unlock", CONDITION
        elif kind == "notify":
            yield "lock", CONDITION, None
            yield "write", name, 1
            yield "notify", n + 1
            yield "unlock", CONDITION
        elif kind == "choice":
            chosen = yield ("choice",)
            seen.append(chosen)
            if chosen:
                yield "write", name, me + 50
        elif kind == "locked?":
            seen.append((yield "locked?", n))
        elif kind == "assert":
            if (yield from read(name)) >= 12:
                raise Crash
        else:
            raise ValueError(kind)
    yield ("end",)


class State(NamedTuple):
    """Everything that decides how a program goes on."""

    answers: tuple[tuple[Any, ...], ...]  # what each task got back so far
    deadlines: tuple[float | None, ...]
    memory: tuple[tuple[str, int], ...] = (("x", 0), ("y", 0))
    locks: tuple[int | None, ...] = (None, None, None)
    semaphore: int = 1
    flag: bool = False
    queue: tuple[int, ...] = ()
    waiters: tuple[int, ...] = ()
    notified: frozenset[int] = frozenset()
    clocks: tuple[float, ...] = ()  # of each task
    times: tuple[tuple[str, tuple[float, float]], ...] = ()  # of each resource: its latest write, its latest read
    budget: int = 1


Outcome = tuple[bool, tuple[tuple[str, int], ...], tuple[tuple[Any, ...], ...], tuple[int, ...]]
"""Whether it got stuck; final memory; what each task saw; the tasks whose assertion failed."""


def _touches(operation: Op, answer: Any) -> tuple[list[str], bool]:
    """Which resources an operation touches, and whether it changes them."""
    kind = operation[0]
    condition = [f"lock {CONDITION}", "condition"]
    if kind in ("read", "write"):
        return [operation[1]], kind == "write"
    if kind in ("lock", "try-lock", "unlock", "locked?"):
        return [f"lock {operation[1]}"], kind != "locked?" and answer is not False and answer is not EXPIRED
    if kind in ("wait", "wake", "leave"):
        return condition, answer is not EXPIRED
    names = {
        "semaphore": "semaphore", "release": "semaphore", "event": "event", "flag": "event", "put": "queue",
        "get": "queue", "try-get": "queue", "notify": "condition",
    }  # fmt: skip
    return [names[kind]] if kind in names else [], kind != "event" and answer is not EXPIRED and answer != "empty"


def _pass_on(state: State, me: int, touched: tuple[list[str], bool]) -> State:
    """A task learns the time from those who touched the same before it, and passes it on."""
    names, changes = touched
    times = dict(state.times)
    now = state.clocks[me]
    for name in names:
        written, read = times.get(name, (0.0, 0.0))
        now = max(now, written, read if changes else 0.0)
    if now == 0.0:
        return state
    for name in names:
        written, read = times.get(name, (0.0, 0.0))
        times[name] = (now, read) if changes else (written, max(read, now))
    clocks = list(state.clocks)
    clocks[me] = now
    return state._replace(clocks=tuple(clocks), times=tuple(sorted(times.items())))


class Oracle:
    """All that one program can do.

    Args:
        actions: of each task.
        budget: how often a timed wait may expire although something else could run.
        most: states after which to give up.
    """

    def __init__(self, actions: list[list[Action]], budget: int = 1, most: int = 200_000) -> None:
        self.actions = [tuple(mine) for mine in actions]
        self.most = most
        self.stand = lru_cache(maxsize=None)(self._stand)
        count = len(actions)
        start = State(((),) * count, (None,) * count, clocks=(0.0,) * count, budget=budget)
        for me in range(count):
            start = self._arrive(start, me)
        self.start = start

    def _stand(self, me: int, answers: tuple[Any, ...]) -> tuple[Op | None, tuple[Any, ...], bool]:
        """The next operation of a task that got these answers (None: it has ended), what it saw, whether it crashed."""
        seen: list[Any] = []
        going = body(me, self.actions[me], seen)
        try:
            operation = next(going)
            for answer in answers:
                operation = going.send(answer)
        except StopIteration:
            return None, tuple(seen), False
        except Crash:
            return None, tuple(seen), True
        return operation, tuple(seen), False

    def _arrive(self, state: State, me: int) -> State:
        """A task stands before its next operation: a timed wait begins now."""
        operation = self.stand(me, state.answers[me])[0]
        timeout = operation[-1] if operation is not None and operation[0] in WAITS else None
        deadlines = list(state.deadlines)
        deadlines[me] = None if timeout is None else state.clocks[me] + timeout
        return state._replace(deadlines=tuple(deadlines))

    def _enabled(self, state: State, me: int, operation: Op) -> bool:
        kind = operation[0]
        if kind == "lock":
            return state.locks[operation[1]] is None
        if kind == "semaphore":
            return state.semaphore > 0
        if kind == "event":
            return state.flag
        if kind == "get":
            return bool(state.queue)
        if kind == "put":
            return len(state.queue) < 1
        if kind == "leave":
            return state.locks[CONDITION] is None
        if kind == "wake":
            return me in state.notified and state.locks[CONDITION] is None
        return True

    def _answer(self, state: State, me: int, answer: Any, **changes: Any) -> State:
        operation = self.stand(me, state.answers[me])[0]
        assert operation is not None
        answers = list(state.answers)
        answers[me] = (*answers[me], answer)
        state = _pass_on(state._replace(answers=tuple(answers), **changes), me, _touches(operation, answer))
        return self._arrive(state, me)

    def _do(self, state: State, me: int, operation: Op) -> Iterator[State]:
        kind = operation[0]
        answer: Any = True
        changes: dict[str, Any] = {}
        locks = list(state.locks)
        if kind == "read":
            answer = dict(state.memory)[operation[1]]
        elif kind == "write":
            changes["memory"] = tuple(sorted({**dict(state.memory), operation[1]: operation[2]}.items()))
        elif kind in ("lock", "try-lock"):
            answer = locks[operation[1]] is None
            if answer:
                locks[operation[1]] = me
        elif kind == "unlock":
            locks[operation[1]] = None
        elif kind == "locked?":
            answer = locks[operation[1]] is not None
        elif kind in ("semaphore", "release"):
            changes["semaphore"] = state.semaphore + (1 if kind == "release" else -1)
        elif kind == "flag":
            changes["flag"] = operation[1]
        elif kind == "put":
            changes["queue"] = (*state.queue, operation[1])
        elif kind in ("get", "try-get"):
            answer = state.queue[0] if state.queue else "empty"
            changes["queue"] = state.queue[1:]
        elif kind == "wait":
            locks[CONDITION] = None
            changes["waiters"] = (*state.waiters, me)
        elif kind == "wake":
            locks[CONDITION] = me
            changes["notified"] = state.notified - {me}
        elif kind == "leave":  # once it has the lock again
            locks[CONDITION] = me
            changes["waiters"] = tuple(task for task in state.waiters if task != me)
            changes["notified"] = state.notified - {me}
        elif kind == "notify":
            changes["notified"] = state.notified | set(state.waiters[: operation[1]])
            changes["waiters"] = state.waiters[operation[1] :]
        elif kind == "choice":
            yield self._answer(state, me, 1)
            answer = 0
        yield self._answer(state, me, answer, locks=tuple(locks), **changes)

    def _expire(self, state: State, me: int, early: bool) -> State:
        deadline = state.deadlines[me]
        assert deadline is not None
        clocks = list(state.clocks)
        clocks[me] = max(clocks[me], deadline)
        return self._answer(state, me, EXPIRED, clocks=tuple(clocks), budget=state.budget - early)

    def successors(self, state: State) -> Iterator[State]:
        """What can come next."""
        moved = False
        waiting = []
        for me, answers in enumerate(state.answers):
            operation = self.stand(me, answers)[0]
            if operation is None:
                continue
            if self._enabled(state, me, operation):
                moved = True
                yield from self._do(state, me, operation)
            elif state.deadlines[me] is not None:
                waiting.append(me)
        if state.budget > 0:
            for me in waiting:
                yield self._expire(state, me, True)
        if not moved and waiting:
            first = min(state.deadlines[me] for me in waiting)  # type: ignore[type-var]
            for me in waiting:
                if state.deadlines[me] == first:
                    yield self._expire(state, me, False)

    def outcome(self, state: State) -> Outcome:
        """How it ended."""
        stands = [self.stand(me, answers) for me, answers in enumerate(state.answers)]
        return (
            any(stand[0] is not None for stand in stands),
            state.memory,
            tuple(stand[1] for stand in stands),
            tuple(me for me, stand in enumerate(stands) if stand[2]),
        )

    def outcomes(self) -> set[Outcome] | None:
        """Every way in which the program can end; None where there are too many states."""
        found = set()
        known = {self.start}
        todo = [self.start]
        while todo:
            state = todo.pop()
            last = True
            for after in self.successors(state):
                last = False
                if after not in known:
                    known.add(after)
                    todo.append(after)
            if last:
                found.add(self.outcome(state))
            if len(known) > self.most:
                return None
        return found
