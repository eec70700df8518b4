"""Optimal dynamic partial-order reduction: one execution for each Mazurkiewicz trace.

After Abdulla, Aronis, Jonsson, Sagonas: "Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction",
JACM 64(4), 2017: source sets, sleep sets and wakeup trees. The search keeps one execution's worth of nodes; what a
finished branch leaves behind is an entry of a sleep set.

After each execution every new race (i, j) is reversed: all that happened after i and does not depend on it, then j,
becomes a branch at the node before i, unless a sleep set or a branch that waits there leads to the same traces.

What the paper's model has not, and how it fits in:
* Blocking. The acquire of a lock cannot come before the release that made it possible. `gates` says what could have
  been, so acquire races with acquire although a release lies between.
* Timed waits. Where the wait is not enabled at the reversed place, its expiry is what comes there instead. An expiry
  that happens only because nothing else can run depends on everything.
* Data choices are branches of the step that makes them; none of them puts another to sleep.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..runtime import ChoicePoint, Execution
from ..runtime.execution import TIMEOUT_BUDGET
from ..trace import GO, READ, TIMEOUT, Accesses, Operation, conflict
from .gates import enabled_after
from .happens_before import Clock, History, join
from .strategy import differs

Name = tuple[str, str]
"""A task and how its operation comes out: what can be put to sleep."""


class Branch:
    """A step that waits to be tried, and what is to follow it: a node of a wakeup tree."""

    __slots__ = ("accesses", "children", "data", "name")

    def __init__(self, name: Name, accesses: Accesses, data: tuple[int, ...]) -> None:
        self.name = name
        self.accesses = accesses
        self.data = data
        self.children: list[Branch] = []


class Node:
    """A place in the current execution: what was chosen there, what waits, what sleeps."""

    __slots__ = ("clock", "data", "name", "plan", "rest", "sign", "sleep", "step", "task", "then", "wakeup")

    def __init__(self, sleep: dict[Name, Accesses], wakeup: list[Branch]) -> None:
        self.sleep = sleep
        self.wakeup = wakeup  # branches not yet tried
        self.name: Name = ("", "")
        self.sign = ("", "")  # what was announced: kind and resource
        self.step: Operation | None = None
        self.task = -1
        self.clock: Clock = []
        self.then: list[Branch] = []  # the wakeup tree of the node below
        self.plan: tuple[int, ...] = ()  # data choices to make in this step
        self.data: list[int] = []  # those made
        self.rest: list[list[int]] = []  # for each of them, the options not tried

    def plan_branch(self, branch: Branch) -> None:
        """Try ``branch`` here next."""
        self.name = branch.name
        self.then = branch.children
        self.plan = branch.data
        self.data, self.rest = [], []

    def take(self, branch: Branch, point: ChoicePoint, index: int) -> int:
        """Try ``branch``, which is option ``index`` here, now."""
        self.plan_branch(branch)
        operation = point.options[index].operation
        self.sign = (operation.kind, operation.resource)
        return index

    def next_data(self) -> bool:
        """Go on to the next combination of data choices of the same step; False: all were tried."""
        while self.rest and not self.rest[-1]:
            self.rest.pop()
            self.data.pop()
        if not self.rest:
            return False
        self.data[-1] = self.rest[-1].pop(0)
        self.plan = tuple(self.data)
        self.then = []
        return True


class Dpor:
    """Every trace, each in one execution. Needs a program whose steps say what they touch.

    Attributes:
        cut: executions given up because all that could follow was seen already. None for programs of reads, writes
            and locks; for other primitives the reversal of a race is sometimes only an attempt.
        budget_met: whether an early time-out was left out because the execution may have no more of them.
    """

    bounds = ""

    def __init__(self) -> None:
        self.complete = False
        self.cut = 0
        self.budget_met = False
        self._nodes: list[Node] = []
        self._depth = 0
        self._fixed = 0  # nodes that are as they were in the execution before
        self._started = False
        self._history = History()
        self._tasks: dict[str, int] = {}
        self._data_at = 0
        self._timeouts = 0

    # -- the strategy interface ------------------------------------------------------------------------------

    def start(self) -> bool:
        """Go to the deepest node with something left to try."""
        self._depth = 0
        if not self._started:
            self._started = True
            return True
        return self._backtrack()

    def choose(self, point: ChoicePoint) -> int:
        """Follow the nodes, then make new ones."""
        if point.kind != "schedule":
            return self._choose_data(point)
        depth = self._depth
        self._depth += 1
        self._data_at = 0
        if depth < len(self._nodes):
            return self._follow(self._nodes[depth], point, depth)
        node = self._new_node(depth, point)
        return self._pick(node, point)

    def finish(self, execution: Execution) -> None:
        """Find the races of the new steps and plan their reversals."""
        if execution.ending == "cut":
            self.cut += 1
        steps = execution.steps
        self._timeouts = execution.timeouts
        del self._nodes[len(steps) :]
        for index in range(len(steps)):
            self._nodes[index].step = steps[index]
        for i, j, outcome in list(self._new_races(steps, execution.initial)):
            self._reverse(i, steps[j], outcome)
        for i, step, outcome in list(self._pending_races(execution)):
            self._reverse(i, step, outcome)

    # -- walking ---------------------------------------------------------------------------------------------

    def _follow(self, node: Node, point: ChoicePoint, depth: int) -> int:
        for index, option in enumerate(point.options):
            if option.task.key == node.name[0] and _outcome(option) == node.name[1]:
                sign = (option.operation.kind, option.operation.resource)
                if depth < self._fixed and node.sign != sign:
                    raise differs(depth, f"recorded {' '.join(node.sign)}, now {' '.join(sign)}")
                node.sign = sign
                return index
        if depth < self._fixed:
            raise differs(depth, f"task {node.name[0]} cannot go on now")
        return self._pick(node, point)  # the branch that was to be tried cannot be: try what else there is

    def _new_node(self, depth: int, point: ChoicePoint) -> Node:
        sleep: dict[Name, Accesses] = {}
        wakeup: list[Branch] = []
        if depth:
            above = self._nodes[depth - 1]
            done = point.execution.steps[-1]
            task = above.name[0]
            for name, accesses in above.sleep.items():
                if name[0] != task and not conflict(accesses, done.accesses) and not done.forced:
                    sleep[name] = accesses
            wakeup, above.then = above.then, []
        node = Node(sleep, wakeup)
        self._nodes.append(node)
        return node

    def _pick(self, node: Node, point: ChoicePoint) -> int:
        """Choose at a node: a branch that waits, or else what does not sleep, the default first."""
        names = [(option.task.key, _outcome(option)) for option in point.options]
        while node.wakeup:
            branch = node.wakeup.pop(0)
            if branch.name in names and branch.name not in node.sleep:
                return node.take(branch, point, names.index(branch.name))
        awake = [index for index, name in enumerate(names) if name not in node.sleep]
        if not awake:
            return -1
        if point.options[0].operation.forced:  # which of them comes first matters to all that follows
            node.wakeup += [Branch(names[index], (), ()) for index in awake[1:]]
        return node.take(Branch(names[awake[0]], (), ()), point, awake[0])

    def _choose_data(self, point: ChoicePoint) -> int:
        node = self._nodes[self._depth - 1]
        at = self._data_at
        self._data_at += 1
        if at < len(node.data):
            return node.data[at]
        first = node.plan[at] if at < len(node.plan) else 0
        if first >= len(point.options):
            first = 0
        node.data.append(first)
        node.rest.append([n for n in range(len(point.options)) if n != first])
        return first

    def _backtrack(self) -> bool:
        while self._nodes:
            node = self._nodes[-1]
            self._forget(node)
            if node.next_data():
                self._fixed = len(self._nodes) - 1
                return True
            if node.step is not None:
                node.sleep[node.name] = node.step.accesses
            while node.wakeup:
                branch = node.wakeup.pop(0)
                if branch.name not in node.sleep:
                    node.plan_branch(branch)
                    node.step = None
                    self._fixed = len(self._nodes) - 1
                    return True
            self._nodes.pop()
        self.complete = True
        return False

    # -- races -----------------------------------------------------------------------------------------------

    def _forget(self, node: Node) -> None:
        """The node's step is about to change: take it out of the history."""
        if node.clock:
            self._history.drop(node.step)
            node.clock = []

    def _new_races(self, steps: list[Operation], initial: dict[str, object]) -> Iterator[tuple[int, int, str]]:
        """Give the new steps their clocks; yields the races (i, j), with how step j would come out before step i."""
        last: dict[int, int] = {}
        for j, node in enumerate(self._nodes):
            step = steps[j]
            if node.clock:
                last[node.task] = j
                continue
            task = self._tasks.setdefault(step.task.key, len(self._tasks))
            node.task = task
            clock = list(self._nodes[last[task]].clock) if task in last else []
            if step.kind == "begin" and step.task.born >= 0:
                join(clock, self._nodes[step.task.born].clock)
            if step.forced:
                candidates = sorted((k for t, k in last.items() if t != task), reverse=True)
            else:
                candidates = self._history.conflicts(step, steps)
            yield from self._races_of(step, j, clock, candidates, steps, initial)
            if len(clock) <= task:
                clock.extend([-1] * (task + 1 - len(clock)))
            clock[task] = j
            node.clock = clock
            last[task] = j
            self._history.add(step, j)

    def _races_of(
        self,
        step: Operation,
        j: int,
        clock: Clock,
        candidates: list[int],
        steps: list[Operation],
        initial: dict[str, object],
    ) -> Iterator[tuple[int, int, str]]:
        """The races of one step with earlier ones; ``clock`` is what its task knew, and learns what came before it."""
        waits = step.enabled is not None
        known = list(clock) if waits else clock
        never = step.kind == "join" and step.deadline is None  # it comes after the end of its task, and that is that
        for i in () if never else candidates:
            other = self._nodes[i]
            if other.task < len(known) and known[other.task] >= i:
                continue
            if not waits:
                yield i, j, GO
                join(known, other.clock)
                continue
            able, outcomes = self._reversible(step, i, j, steps, initial)
            for outcome in outcomes:
                yield i, j, outcome
            if able:  # else what it races with lies further back, behind the step that made it possible
                join(known, other.clock)
        if waits:
            for i in candidates:
                join(clock, self._nodes[i].clock)

    def _pending_races(self, execution: Execution) -> Iterator[tuple[int, Operation, str]]:
        """Steps that were announced and never came: those of a deadlock, and of daemons whose program was over."""
        steps = execution.steps
        if execution.ending == "cut" or not steps:
            return
        for task in execution.live:
            step = task.pending
            if step.index >= 0:
                continue
            if step.enabled is None or step.enabled():
                yield len(steps) - 1, step, GO
                continue
            mine = [n for n, done in enumerate(steps) if done.task is task]
            clock = list(self._nodes[mine[-1] if mine else task.born].clock)
            candidates = self._history.conflicts(step, steps)
            for i, _, outcome in self._races_of(step, len(steps), clock, candidates, steps, execution.initial):
                yield i, step, outcome

    def _after(self, k: int, i: int) -> bool:
        """Whether step k depends on step i, directly or not."""
        clock = self._nodes[k].clock
        task = self._nodes[i].task
        return task < len(clock) and clock[task] >= i

    def _reversible(
        self, step: Operation, i: int, j: int, steps: list[Operation], initial: dict[str, object]
    ) -> tuple[bool | None, tuple[str, ...]]:
        """Whether step j, which may have to wait, is enabled without step i; and how it would come out there."""
        if step.poll and step.forced:
            return False, (TIMEOUT,)
        able = True if step.poll and step.woken is None else self._gate(step, i, j, steps, initial)
        if able:
            return able, (GO,)
        if step.deadline is None:
            return able, () if able is False else (GO,)
        return able, (TIMEOUT,) if able is False else (GO, TIMEOUT)

    def _gate(
        self, step: Operation, i: int, j: int, steps: list[Operation], initial: dict[str, object]
    ) -> bool | None:
        before = [steps[k] for k in range(j) if k < i or not self._after(k, i)]
        return enabled_after(step, before, initial)

    def _reverse(self, i: int, step: Operation, outcome: str) -> None:
        """Plan the trace in which ``step``, coming out so, is before step i."""
        nodes = self._nodes
        node = nodes[i]
        word = [_branch(nodes[k]) for k in range(i + 1, len(nodes)) if not self._after(k, i)]
        if outcome is TIMEOUT:
            spent = sum(above.name[1] is TIMEOUT for above in nodes[:i]) + sum(b.name[1] is TIMEOUT for b in word)
            if spent >= self._timeouts:
                self.budget_met = True
                return
        word.append(_late(step, outcome))
        for name, accesses in node.sleep.items():
            if _initial(word, name, accesses) is not None:
                return
        _insert(node.wakeup, word)


def _insert(level: list[Branch], word: list[Branch]) -> None:
    """Put a word into a wakeup tree, unless a branch there leads to the same traces."""
    while word:
        for branch in level:
            at = _initial(word, branch.name, branch.accesses)
            if at is None:
                continue
            if not branch.children:
                return
            if at >= 0:
                del word[at]
            level = branch.children
            break
        else:
            for branch in word:
                level.append(branch)
                level = branch.children
            return


def _initial(word: list[Branch], name: Name, accesses: Accesses) -> int | None:
    """Whether a step could come first in some order of a word that means the same (a weak initial).

    Its place in the word; -1 where it is not in there and depends on nothing of it; None: it could not.
    """
    for at, branch in enumerate(word):
        if branch.name[0] == name[0]:
            return at if branch.name[1] == name[1] else None
        if conflict(branch.accesses, accesses):
            return None
    return -1


def _branch(node: Node) -> Branch:
    step = node.step
    assert step is not None
    return Branch(node.name, step.accesses, tuple(node.data))


def _late(step: Operation, outcome: str) -> Branch:
    """A step as it will be at its new place. What it touches there is what it touches here, or less."""
    accesses = step.accesses
    if outcome is TIMEOUT and step.outcome is GO:
        accesses = (*((name, READ) for name, _ in accesses), *TIMEOUT_BUDGET)
    return Branch((step.task.key, outcome), accesses, ())


def _outcome(option: object) -> str:
    outcome: str = option.outcome  # type: ignore[attr-defined]
    return outcome
