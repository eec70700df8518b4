"""One execution: tasks announce operations, a strategy chooses which happens next (DESIGN section 5).

The task that announces decides in its own carrier and switches straight to the chosen task: one switch a step.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..errors import Abandoned, in_words
from ..trace import GO, READ, TIMEOUT, WRITE, Failure, Operation
from . import control, polling
from .sites import raised_in, user_site
from .task import Option, Task
from .times import Times
from .vehicle import Exit, Vehicle
from .waiting import stuck

TIMEOUT_BUDGET = ((polling.BUDGET, WRITE),)
NO_TIMEOUT = ((polling.BUDGET, READ),)
PROGRAM_ENDS = (("program end", WRITE),)
WHILE_IT_RUNS = (("program end", READ),)
"""Every step of a daemon comes before the end of the program, or not at all."""
REFUSALS = 1000
"""How often a task of a dead world may swallow our exception before it is left where it stands."""

_stranded: list[Any] = []  # kept alive: dropping a greenlet would run its ``finally`` blocks at some later time


class ChoicePoint:
    """A place where a strategy is asked.

    Attributes:
        kind: ``schedule`` (options are `Option`) or the name of a data choice (options are its labels).
        options: what may happen; index 0 is the default, which runs on without preemption.
        current: the task that ran last.
        preemptive: whether any other option than 0 takes the turn from a task that could have gone on.
        execution: the execution, for strategies that need to look at its steps.
    """

    __slots__ = ("current", "execution", "kind", "options", "preemptive")

    def __init__(
        self, kind: str, options: Sequence[Any], current: Task | None, preemptive: bool, execution: Execution
    ) -> None:
        self.kind = kind
        self.options = options
        self.current = current
        self.preemptive = preemptive
        self.execution = execution


class Chooser(Protocol):
    """The part of a strategy that an execution needs."""

    def choose(self, point: ChoicePoint) -> int:
        """Index into ``point.options``; negative: give this execution up, it has been seen."""


class Execution:
    """One run of a program under one strategy.

    Args:
        chooser: asked at every choice.
        vehicle: carries the tasks.
        timeouts: how often timed waits may expire although something else could run.
        step_limit: steps after which it is given up.
        detailed: record the call site of every step (slower; for replays).
        listener: called after every step, that is when the code up to the next announcement has run too. What it
            does itself is no step.
    """

    def __init__(
        self,
        chooser: Chooser,
        vehicle: Vehicle,
        timeouts: int = 1,
        step_limit: int = 20_000,
        detailed: bool = False,
        listener: Callable[[Operation], None] | None = None,
    ) -> None:
        self.chooser = chooser
        self.vehicle = vehicle
        self.timeouts = timeouts
        self.timeouts_left = timeouts
        self.budget_met = False  # whether one more early time-out would have been possible
        self.step_limit = step_limit
        self.detailed = detailed
        self.listener = listener
        self.log: list[int] = []  # the options taken; append-only: no failure can lose it
        self.widths: list[int] = []  # out of how many
        self.steps: list[Operation] = []
        self.tasks: list[Task] = []  # all that ever lived, by path
        self.live: list[Task] = []  # those not finished, by path
        self.current: Task | None = None
        self.times = Times()
        self.ending = ""
        self.failures: list[Failure] = []
        self.initial: dict[str, Any] = {}  # what resources started with, see `search.gates`
        self.uncontrolled: list[str] = []
        self.notes: dict[str, Any] = {}  # what probes want to keep for the time of the execution
        self.dead = False
        self.quiet = 0  # >0: operations of the running task are not steps
        self.at_end: Callable[[Execution], None] | None = None
        self.interrupt: Callable[[Execution, Task, Operation], None] | None = None  # before a task announces; may raise
        self._error: BaseException | None = None
        self._home: Any = None

    # -- running ---------------------------------------------------------------------------------------------

    def run(self, program: Callable[[], object]) -> None:
        """Run ``program`` as the main task until nothing is left to do or something is broken."""
        self._home = self.vehicle.home()
        main = Task((), "main", program)
        main.carrier = self.vehicle.carry(lambda: self._carry(main))
        self.tasks.append(main)
        self.live.append(main)
        previous = control.enter(self)
        try:
            target = self._decide(None)
            if target is not self._home:
                self.vehicle.switch(target)
            self._unwind()
        finally:
            self.dead = True
            control.leave(previous)

    def spawn(self, name: str, body: Callable[[], None], daemon: bool = False) -> Task:
        """Adopt a new task, started by the current one. It runs when it is chosen."""
        parent = self.current
        assert parent is not None
        parent.children += 1
        task = Task((*parent.path, parent.children), name, body, daemon)
        task.born = len(self.steps) - 1
        task.clock = self.clock
        if daemon:
            task.pending.accesses = task.pending.asked = WHILE_IT_RUNS
        task.carrier = self.vehicle.carry(lambda: self._carry(task))
        insort(self.tasks, task, key=lambda t: t.path)
        insort(self.live, task, key=lambda t: t.path)
        return task

    def _carry(self, task: Task) -> Any:
        """The life of a task; returns the carrier to go on with."""
        try:
            task.context.run(task.body)
        except Abandoned:
            task.finished = True
            return self._home
        except BaseException as error:
            self.fail_with(task, error)
        if self.dead:
            return self._home
        task.finished = True
        self.live.remove(task)
        return self._decide(task)

    def fail_with(self, task: Task, error: BaseException) -> None:
        """Record an exception that nobody of the program caught. Of a dead world nothing counts."""
        if self.dead:
            return
        place = raised_in(error)
        where = f"{type(error).__name__} in {place}" if place else type(error).__name__
        text = in_words(error)
        self.failures.append(
            Failure("exception", f"{task.name}: {text}", subject=task.name, where=where,
                    step=len(self.steps) - 1, exception=error)
        )  # fmt: skip

    @property
    def clock(self) -> float:
        """Virtual seconds since the execution began, as the current task knows them."""
        self.times.settle(self.steps)
        return self.current.clock if self.current is not None else 0.0

    # -- steps -----------------------------------------------------------------------------------------------

    def perform(self, operation: Operation) -> bool:
        """Announce an operation of the current task and wait to be chosen.

        Returns:
            True where it may be applied now, False where its timed wait expired.
        """
        task = self.current
        assert task is not None
        if self.dead:
            self._refuse(task)
        if self.quiet:
            return True
        if self.interrupt is not None:
            self.interrupt(self, task, operation)
        task.announce(operation)
        if task.daemon:
            operation.accesses += WHILE_IT_RUNS
            operation.asked = operation.accesses
        if self.detailed:
            operation.site = user_site()
        if operation.deadline is not None:
            polling.announce(self, task, operation)
        target = self._decide(task)
        if target is not task.carrier:
            self.vehicle.switch(target)
        if self.dead:
            self._refuse(task)
        return operation.outcome is GO

    def choose(self, kind: str, labels: Sequence[str]) -> int:
        """A data choice of the current task: the index of the label taken."""
        if self.dead or self.quiet or len(labels) < 2:
            return 0
        index = self.chooser.choose(ChoicePoint(kind, labels, self.current, False, self))
        self.log.append(index)
        self.widths.append(len(labels))
        return index

    def _refuse(self, task: Task) -> None:
        task.refusals += 1
        if task.refusals > REFUSALS:
            self.strand(task)
        raise Abandoned

    def strand(self, task: Task) -> None:
        """Leave a task of a dead world where it stands: it does not let itself be ended."""
        _stranded.append(task.carrier)
        self.vehicle.switch(self._home)

    def _decide(self, current: Task | None) -> Any:
        """Choose the next step and return the carrier of its task; home when it is over."""
        try:
            if current is not None and current.daemon and WHILE_IT_RUNS[0] not in self.steps[-1].accesses:
                self.steps[-1].accesses += WHILE_IT_RUNS
            if self.listener is not None and self.steps:
                with control.quiet(self):
                    self.listener(self.steps[-1])
            if len(self.steps) >= self.step_limit:
                return self._end("step limit")
            options, preemptive = self._options(current)
            if not options:
                return self._end(self._stuck())
            point = ChoicePoint("schedule", options, current, preemptive, self)
            index = self.chooser.choose(point)
            if index < 0:
                return self._end("cut")
            option = options[index]
            self.log.append(index)
            self.widths.append(len(options))
            task = option.task
            operation = option.operation
            operation.outcome = option.outcome
            operation.preempted = preemptive and task is not current
            operation.index = len(self.steps)
            if option.outcome is not GO:
                self._expire(operation, early=option.outcome is TIMEOUT)
            elif operation.poll:
                self.times.move(operation.index)
                polling.expired(self, task, operation)
            if operation.forced:
                operation.accesses += NO_TIMEOUT
            self.steps.append(operation)
            self.current = task
        except BaseException as error:
            # a chooser or a listener failed: carry the error home, out of the program's reach
            self._error = error
            return self._end("error")
        return task.carrier

    def _options(self, current: Task | None) -> tuple[list[Option], bool]:
        options: list[Option] = []
        timed: list[Operation] | None = None
        preemptive = busy = False
        for task in self.live:
            operation = task.pending
            enabled = operation.enabled
            operation.forced = False
            if enabled is None:
                able = True
            else:
                able = enabled()
                if not able:
                    operation.ready = -1
                elif operation.ready < 0:
                    operation.ready = len(self.steps)
            if not task.daemon and (able or not operation.idle):
                busy = True
            if able:
                if task is current:
                    options.insert(0, task.going)
                    preemptive = not operation.poll
                else:
                    options.append(task.going)
            elif operation.deadline is not None:
                if timed is None:
                    timed = []
                timed.append(operation)
        if not busy:
            return [], False  # only daemons and idle pool workers are left: the program is over
        if options:
            if timed is not None:
                if self.timeouts_left > 0:
                    options += [Option(o.task, o, TIMEOUT) for o in timed]
                else:
                    self.budget_met = True
        elif timed is not None:
            options = polling.forced(self, timed)
            if options and self.timeouts_left > 0:
                options += [Option(o.task, o, TIMEOUT) for o in timed]  # the same, but not after all the rest
            elif options:
                self.budget_met = True
        return options, preemptive

    def _expire(self, operation: Operation, early: bool) -> None:
        self.times.move(operation.index)
        operation.accesses = polling.in_vain(operation)
        if early:
            self.timeouts_left -= 1
            operation.accesses += TIMEOUT_BUDGET
            operation.forced = False
        polling.expired(self, operation.task, operation)

    # -- endings ---------------------------------------------------------------------------------------------

    def _stuck(self) -> str:
        """Nothing can run: finished, or a deadlock, or a livelock."""
        if all(task.daemon or task.pending.idle for task in self.live):
            if any(task.daemon for task in self.live):
                self.steps[-1].accesses += PROGRAM_ENDS
            return "finished"
        failure = stuck(self)
        self.failures.append(failure)
        return failure.kind

    def _end(self, ending: str) -> Any:
        self.ending = self.ending or ending
        if self.at_end is not None and self._error is None:
            try:
                with control.quiet(self):
                    self.at_end(self)
            except BaseException as error:
                self._error = error
        self.dead = True
        return self._home

    def abort(self, error: BaseException) -> None:
        """Give the execution up from outside: `run` raises ``error``."""
        self._error = self._error or error
        self._end("aborted")

    def forked(self) -> None:
        """We are in a child process: nothing is under control here, and it is over when the task that forked is."""
        self.dead = True
        self._home = Exit()

    def _unwind(self) -> None:
        """End the tasks that still stand somewhere: their ``finally`` blocks run, but nothing they do counts."""
        self.quiet = 0  # a listener may have failed: facades must refuse, not turn into the real thing
        for task in list(self.live):
            if not task.finished and (task.pending.kind != "begin" or task.pending.index >= 0):
                self.current = task
                self.vehicle.switch(task.carrier)
        self.current = None
        if self._error is not None:
            raise self._error

    def dissolve(self) -> None:
        """Let go of what nobody asks for any more, so that no cycle is left for the collector."""
        self.listener = None
        for task in self.tasks:
            task.dissolve()

    def preemptions(self) -> int:
        """How many of its steps took the turn from a task that could have gone on."""
        return sum(step.preempted for step in self.steps)

