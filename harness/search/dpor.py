"""Optimal dynamic partial-order reduction: one execution for each Mazurkiewicz trace.

After Abdulla, Aronis, Jonsson, Sagonas: "Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction",
JACM 64(4), 2017: source sets, sleep sets and wakeup trees. The search keeps one execution's worth of nodes; what a
finished branch leaves behind is an entry of a sleep set.

After each execution every race (i, j) is reversed: all that happened after i and does not depend on it, then j, becomes
a branch at the node before i, unless a sleep set or a branch that waits there leads to the same traces. Races of
earlier executions count again: with other steps after them they may lead elsewhere.

What the paper's model has not, and how it fits in:
* Blocking. The acquire of a lock cannot come before the release that made it possible. `gates` says how an operation
  would have come out, so acquire races with acquire although a release lies between.
* Timed waits. Where the wait is not enabled at the reversed place, its expiry is what comes there instead, at the
  price of an early time-out. An expiry that happens only because nothing else can run depends on everything.
* Data choices are part of the step that makes them: other choices are other steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from ..runtime import ChoicePoint, Execution, Option
from ..runtime.execution import TIMEOUT_BUDGET
from ..runtime.polling import at_news, in_vain
from ..trace import GO, READ, TIMEOUT, Accesses, Operation, conflict
from .gates import enabled_after
from .happens_before import Clock, History, join
from .strategy import differs
from .wakeup import Branch, Event, Name, initial, insert


class Node:
    """A place in the current execution: what was chosen there, what waits, what sleeps."""

    __slots__ = (
        "accesses", "as_of", "at", "beside", "clock", "data", "index", "name", "plan", "races", "rest", "sign", "sleep",
        "step", "task", "then", "tried", "upto", "wakeup", "was",
    )  # fmt: skip

    def __init__(self, at: int, sleep: dict[Name, Accesses], wakeup: list[Branch]) -> None:
        self.at = at
        self.sleep = sleep
        self.wakeup = wakeup  # branches not yet tried
        self.tried = 0  # how many were
        self.name: Name = ("", "")
        self.was = self.name  # what was tried last
        self.index = 0  # of the option taken
        self.sign = ("", "")  # what was announced: kind and resource
        self.step: Operation | None = None
        self.accesses: Accesses = ()  # of the step
        self.task = -1
        self.clock: Clock = []  # empty while the step is not accounted for
        self.races: list[Race] = []  # of the step with earlier ones
        self.beside: list[Node] = []  # later nodes whose steps do not depend on this one: those before `upto`, as they
        self.upto = 0  # were in execution number `as_of`
        self.as_of = 0
        self.then: list[Branch] = []  # the wakeup tree of the node below
        self.plan: Sequence[int] = ()  # data choices to make in this step
        self.data: list[int] = []  # those made
        self.rest: list[list[int]] = []  # for each of them, the options not tried

    def follow(self, branch: Branch) -> None:
        """Try ``branch`` here next."""
        self.name = branch.name
        self.then = branch.children
        self.plan = branch.data
        self.data, self.rest = [], []

    def take(self, option: Option, index: int) -> int:
        """Try ``option``, which has this index, now."""
        self.index = index
        self.was = self.name
        self.sign = (option.operation.kind, option.operation.resource)
        return index

    def next_data(self) -> bool:
        """Go on to the next combination of data choices of the same step; False: all were tried."""
        while self.rest and not self.rest[-1]:
            self.rest.pop()
            self.data.pop()
        if not self.rest:
            return False
        self.was = self.name
        self.data[-1] = self.rest[-1].pop(0)
        self.plan, self.then = tuple(self.data), []
        for at, branch in enumerate(self.wakeup):
            if branch.name == self.name and tuple(branch.data[: len(self.plan)]) == self.plan:
                self.plan, self.then = branch.data, branch.children
                del self.wakeup[at]
                break
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
        self._run = 0  # the number of this execution
        self._marks: list[tuple[int, int]] = []  # number and `_fixed` of those not undercut since
        self._started = False
        self._history = History()
        self._tasks: dict[str, int] = {}
        self._data_at = 0

    # -- the strategy interface ------------------------------------------------------------------------------

    def start(self) -> bool:
        """Go to the deepest node with something left to try."""
        self._depth = 0
        if not self._started:
            self._started = True
            return True
        if not self._backtrack():
            return False
        self._run += 1
        while self._marks and self._marks[-1][1] >= self._fixed:
            self._marks.pop()
        self._marks.append((self._run, self._fixed))
        return True

    def choose(self, point: ChoicePoint) -> int:
        """Follow the nodes, then make new ones."""
        if point.kind != "schedule":
            return self._choose_data(point)
        depth = self._depth
        self._depth = depth + 1
        self._data_at = 0
        if depth < len(self._nodes):
            return self._follow(self._nodes[depth], point, depth)
        return self._pick(self._new_node(depth, point), point)

    def finish(self, execution: Execution) -> None:
        """Find the races of the new steps and plan their reversals."""
        if execution.ending == "cut":
            self.cut += 1
        steps = execution.steps
        nodes = self._nodes
        del nodes[len(steps) :]
        for node, step in zip(nodes, steps):
            node.step = step
        races = Races(nodes, steps, self._history, self._tasks, execution.initial)
        races.of_steps()
        for node in nodes:
            for i, outcome, accesses in node.races:
                self._reverse(nodes[i], Branch((node.name[0], outcome), accesses), execution.timeouts)
        for step in races.pending(execution):
            for i, outcome, accesses in races.of_pending(step):
                self._reverse(nodes[i], Branch((step.task.key, outcome), accesses), execution.timeouts)

    def done(self) -> float:
        """An estimate of the part of the tree that was run, from 0 to 1.

        It takes all branches of a node for equally large, and knows of those that were found so far: as more are
        found it may fall. After Knuth, "Estimating the efficiency of backtrack programs", 1975.
        """
        part, whole = 1.0, 0.0
        for node in self._nodes:
            branches = node.tried + 1 + len(node.wakeup) + sum(map(len, node.rest))
            whole += part * node.tried / branches
            part /= branches
        return whole + part

    # -- walking ---------------------------------------------------------------------------------------------

    def _follow(self, node: Node, point: ChoicePoint, depth: int) -> int:
        options = point.options
        if depth >= self._fixed:  # the branch that is to be tried
            if depth == self._fixed:
                self._recall(node, point, depth)
            for index, option in enumerate(options):
                if option.task.key == node.name[0] and option.outcome == node.name[1]:
                    return node.take(option, index)
            return self._pick(node, point)  # it cannot be: try what else there is
        index = node.index
        option = options[index] if index < len(options) else None
        if option is None or option.task.key != node.name[0] or option.outcome != node.name[1]:
            raise differs(depth, f"task {node.name[0]} cannot go on now")
        kind, resource = node.sign
        operation = option.operation
        if operation.kind != kind or operation.resource != resource:
            raise differs(depth, f"recorded {kind} {resource}, now {operation.kind} {operation.resource}")
        return index

    @staticmethod
    def _recall(node: Node, point: ChoicePoint, depth: int) -> None:
        """What was tried here before is announced again: else something else than our choices steers the program."""
        kind, resource = node.sign
        for option in point.options:
            if option.task.key == node.was[0] and option.outcome == node.was[1]:
                operation = option.operation
                if operation.kind != kind or operation.resource != resource:
                    raise differs(depth, f"recorded {kind} {resource}, now {operation.kind} {operation.resource}")

    def _new_node(self, depth: int, point: ChoicePoint) -> Node:
        sleep: dict[Name, Accesses] = {}
        wakeup: list[Branch] = []
        if depth:
            above = self._nodes[depth - 1]
            if above.sleep:
                done = point.execution.steps[-1]
                if not done.forced:
                    task = above.name[0]
                    for name, accesses in above.sleep.items():
                        if name[0] != task and not conflict(accesses, done.accesses):
                            sleep[name] = accesses
            wakeup, above.then = above.then, []
        node = Node(depth, sleep, wakeup)
        self._nodes.append(node)
        return node

    def _pick(self, node: Node, point: ChoicePoint) -> int:
        """Choose at a node: a branch that waits, or else what does not sleep, the default first."""
        options = point.options
        if not node.wakeup and not node.sleep and not options[0].operation.forced:
            node.follow(Branch((options[0].task.key, options[0].outcome)))
            return node.take(options[0], 0)
        names = [(option.task.key, option.outcome) for option in options]
        while node.wakeup:
            branch = node.wakeup.pop(0)
            if branch.name in names and branch.name not in node.sleep:
                node.follow(branch)
                index = names.index(branch.name)
                return node.take(options[index], index)
        awake = [index for index, name in enumerate(names) if name not in node.sleep]
        if not awake:
            return -1
        if options[0].operation.forced:  # which of them comes first matters to all that follows
            node.wakeup += [Branch(names[index]) for index in awake[1:] if names[index][1] is not TIMEOUT]
        node.follow(Branch(names[awake[0]]))
        return node.take(options[awake[0]], awake[0])

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
        nodes = self._nodes
        while nodes:
            node = nodes[-1]
            self._forget(node)
            node.tried += 1
            if node.next_data():
                self._fixed = len(nodes) - 1
                return True
            if node.step is not None:
                node.sleep[node.name] = node.accesses
            while node.wakeup:
                branch = node.wakeup.pop(0)
                if branch.name not in node.sleep:
                    node.follow(branch)
                    node.step = None
                    self._fixed = len(nodes) - 1
                    return True
            nodes.pop()
        self.complete = True
        return False

    def _forget(self, node: Node) -> None:
        """The node's step is about to change: take it out of the history."""
        if node.clock:
            self._history.drop(node.step)
            node.clock, node.upto = [], 0

    # -- reversing -------------------------------------------------------------------------------------------

    def _reverse(self, node: Node, late: Branch, timeouts: int) -> None:
        """Plan the trace in which ``late`` comes before the step of ``node``."""
        word: list[Event] = [*self._beside(node), late]
        if late.name[1] is TIMEOUT:
            before = self._nodes[: node.at]
            if sum(other.name[1] is TIMEOUT for other in (*before, *word)) > timeouts:
                self.budget_met = True
                return
        for name, asleep in node.sleep.items():
            if initial(word, name, asleep) is not None:
                return  # all that the sleeping step can choose was tried
        insert(node.wakeup, word)

    def _beside(self, node: Node) -> list[Node]:
        """The nodes below this one whose steps do not depend on its step."""
        found, at, task = node.beside, node.at, node.task
        changed = bisect_right(self._marks, (node.as_of, len(self._nodes)))
        upto = min(node.upto, self._marks[changed][1]) if changed < len(self._marks) else node.upto
        while found and found[-1].at >= upto:
            found.pop()
        for other in self._nodes[max(at + 1, upto) :]:
            clock = other.clock
            if task >= len(clock) or clock[task] < at:
                found.append(other)
        node.upto, node.as_of = len(self._nodes), self._run
        return found


Race = tuple[int, str, Accesses]
"""Before which step another one is to come, how it comes out there, and what it touches there."""


class Races:
    """Gives the new steps of an execution their clocks and finds their races.

    Args:
        nodes: of the search; those without a clock are new.
        steps: of the execution.
        history: what the nodes with clocks touch.
        tasks: their numbers in clocks, by key.
        initial: what resources started with.
    """

    def __init__(
        self,
        nodes: list[Node],
        steps: list[Operation],
        history: History,
        tasks: dict[str, int],
        initial: dict[str, object],
    ) -> None:
        self.nodes = nodes
        self.steps = steps
        self.history = history
        self.tasks = tasks
        self.initial = initial
        self.last: dict[int, int] = {}  # the latest step of each task so far

    def of_steps(self) -> None:
        """Find the races of the new steps with earlier ones."""
        nodes, tasks, last = self.nodes, self.tasks, self.last
        for j, node in enumerate(nodes):
            if node.clock:
                last[node.task] = j
                continue
            step = self.steps[j]
            task = node.task = tasks.setdefault(step.task.key, len(tasks))
            node.accesses = step.accesses
            clock = list(nodes[last[task]].clock) if task in last else []
            if step.kind == "begin" and step.task.born >= 0:
                join(clock, nodes[step.task.born].clock)
            node.races = list(self._of(step, clock))
            if step.forced:
                for i in last.values():
                    join(clock, nodes[i].clock)
            if len(clock) <= task:
                clock.extend([-1] * (task + 1 - len(clock)))
            clock[task] = j
            node.clock = clock
            last[task] = j
            self.history.add(step, j)

    def pending(self, execution: Execution) -> list[Operation]:
        """Steps that were announced and never came: those of a deadlock, and of daemons whose program was over."""
        if execution.ending == "cut" or not self.steps:
            return []
        return [task.pending for task in execution.live if task.pending.index < 0]

    def of_pending(self, step: Operation) -> Iterator[Race]:
        """The races of a step that never came."""
        mine = [n for n, done in enumerate(self.steps) if done.task is step.task]
        return self._of(step, list(self.nodes[mine[-1] if mine else step.task.born].clock))

    def _of(self, step: Operation, clock: Clock) -> Iterator[Race]:
        """The races of one step; ``clock`` is what its task knew, and learns what came before it."""
        if step.enabled is not None:
            if step.deadline is not None or not step.resource.startswith("task "):  # a join comes after an end, period
                yield from self._of_waiting(step, list(clock))
                if step.forced and any(task >= len(clock) or clock[task] < i for task, i in self.last.items()):
                    yield step.index, TIMEOUT, (*in_vain(step), *TIMEOUT_BUDGET)  # the same, but not after all the rest
            for i in self.history.conflicts(step.task.key, step.accesses):
                join(clock, self.nodes[i].clock)
            return
        for i in self.history.conflicts(step.task.key, step.accesses):
            other = self.nodes[i]
            if other.task < len(clock) and clock[other.task] >= i:
                continue
            yield i, GO, self._tried(step, i)
            join(clock, other.clock)

    def _of_waiting(self, step: Operation, known: Clock) -> Iterator[Race]:
        """The races of a step that may have to wait. What it races with may lie behind what made it possible."""
        for i in self.history.conflicts(step.task.key, step.accesses, all_of_them=True):
            other = self.nodes[i]
            if other.task < len(known) and known[other.task] >= i:
                continue
            able = enabled_after(step, partial(self._without, i), self.initial)
            if able is not False:
                yield i, GO, at_news(step)
            if able is not True and step.deadline is not None:
                yield i, TIMEOUT, step.accesses if step.outcome is TIMEOUT else (*in_vain(step), *TIMEOUT_BUDGET)
            if able or (able is False and step.outcome is TIMEOUT):
                join(known, other.clock)

    def _tried(self, step: Operation, i: int) -> Accesses:
        """What a step that never waits touches before step i. A try may fail there, and only look; or succeed."""
        if not step.kind.startswith("try-"):
            return step.accesses
        able = enabled_after(step, partial(self._without, i), self.initial)
        return tuple((name, READ) for name, _ in step.asked) if able is False else step.asked

    def _without(self, i: int, names: Iterable[str]) -> list[Operation]:
        """The steps on these resources so far but for step i and what comes after it."""
        nodes = self.nodes
        task = nodes[i].task
        found = []
        for k in self.history.on(names):
            clock = nodes[k].clock
            if k < i or task >= len(clock) or clock[task] < i:
                found.append(self.steps[k])
        return found
