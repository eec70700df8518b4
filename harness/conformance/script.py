"""The destination of a scenario, and its client and callback: does at each place what the plan or the search says."""

from __future__ import annotations

import errno
import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..contract.events import came_of
from ..errors import Abandoned
from ..faults import breaks, happened
from ..probes.steps import step
from ..runtime import Execution, control
from . import plan
from .scenario import Scenario

SLOWNESS = 5.0
"""Virtual seconds that a slow job takes: longer than any poll."""

MakeError = Callable[[str], BaseException]


class Script:
    """The destination of a scenario: takes or refuses each attempt as planned, and counts what it committed.

    An adapter calls it where its loader calls into the destination. Each call is a visible step, and raises what the
    scenario, or the search where it is free to choose, makes that place raise.

    Args:
        scenario: the jobs with their outcomes.
        terminal: makes the error that fails a job for good.
        transient: makes the error after which a job is tried again.
    """

    def __init__(self, scenario: Scenario, terminal: MakeError, transient: MakeError) -> None:
        self._scenario = scenario
        self._plans = {job.name: job for job in scenario.jobs}
        self._makers: dict[str, MakeError] = {
            plan.TERMINAL: terminal,
            plan.TRANSIENT: transient,
            plan.ERROR: lambda text: OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({text})"),
            plan.INTERRUPT: KeyboardInterrupt,
            plan.EXIT: SystemExit,
            plan.GENERATOR_EXIT: GeneratorExit,
        }
        self.reset()

    def reset(self) -> None:
        """Forget everything: a new execution begins."""
        self.attempts: Counter[str] = Counter()
        self.commits: Counter[str] = Counter()
        """How often each job's data was committed."""
        self.loads: Counter[str] = Counter()
        """How often each load was recorded."""
        self.callbacks: Counter[str] = Counter()
        """How often each job's callback was called."""
        self.running: dict[Any, str] = {}
        """The job that each task has run last."""
        self.calling: set[Any] = set()
        """The tasks that are within a callback."""
        self.errors: dict[str, BaseException] = {}
        """What the destination or its client raised first in the current attempt at a job, before the commit."""
        self.callback_errors: dict[str, BaseException] = {}
        """What the last callback of a job raised, or else the ledger that was to have its failure."""
        self.left_with: dict[str, BaseException] = {}
        """What left `managed` for each job."""
        self.injected: list[BaseException] = []
        """Every error that was raised here."""
        self.interrupted = False
        """Whether the loader's own thread was stopped where it stood: how far the jobs were by then is chance."""
        self._odd = False  # something else was planned to break than the destination itself, in an ordinary way
        self._made: set[str] = set()

    # -- what an adapter calls ---------------------------------------------------------------------------------

    def make(self, job: str) -> None:
        """The job's object is made: a new attempt begins. May raise."""
        self._begin(job)
        self._made.add(job)
        self.at(plan.CREATE, job)

    @contextmanager
    def managed(self, job: str) -> Iterator[None]:
        """Around the part of a worker that runs a job: notes what leaves it."""
        task = _task()
        self.running[task] = job
        try:
            yield
        except Abandoned:
            raise
        except BaseException as error:
            self.left_with[job] = error
            raise

    def client(self, job: str) -> _Client:
        """A client for a job, made, entered and left by its worker. Making it may raise."""
        self.at(plan.CONSTRUCTOR, job)
        return _Client(self, job)

    def run(self, job: str) -> None:
        """Load the job's data and commit it. May raise, before or after the commit."""
        self.load(job)
        self.commit(job)

    def load(self, job: str) -> None:
        """Load the job's data; nothing is committed yet. May raise."""
        if job in self._made:
            self._made.discard(job)
        else:
            self._begin(job)
        self.running[_task()] = job
        step(f"run {job}", "write", kind="run", detail=f"load {job}")
        self._break(plan.RUN, job)

    def commit(self, job: str, also: Callable[[], object] | None = None) -> None:
        """Commit the job's data, and ``also`` whatever belongs to it, in one. May raise when that is done."""
        self.commits[job] += 1
        if also is not None:
            also()
        self._break(plan.COMMIT, job)

    def callback(self, job: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """Stands for the callback of a job: calls the real one, unless it is to raise before or after."""

        @functools.wraps(real)
        def called(*args: Any, **kw: Any) -> Any:
            task = _task()
            self.callbacks[job] += 1
            self.calling.add(task)
            try:
                self.at(plan.CALLBACK, job)
                result = real(*args, **kw)
                self._break(plan.CALLED, job)
                return result
            except Abandoned:
                raise
            except BaseException as error:
                self.callback_errors[job] = error
                raise
            finally:
                self.calling.discard(task)

        return called

    def record(self, load_id: str) -> None:
        """Record a load as complete. May raise, before or after."""
        self.at(plan.RECORD)
        self.loads[load_id] += 1
        self._break(plan.RECORDED, "")

    def at(self, place: str, job: str = "") -> None:
        """Be at a place. May raise."""
        name = f"{place} {job}".rstrip()
        step(name, "write", kind=place, detail=job or None)
        self._break(place, job)

    # -- what others ask ---------------------------------------------------------------------------------------

    def explains(self, error: BaseException, execution: Execution, reports: tuple[type[BaseException], ...]) -> bool:
        """Whether an error that the loader raises is, or may follow from, what was made to fail.

        ``reports``: the errors by which the loader says that jobs have failed.
        """
        if happened(execution) or self._odd or (self.injected and isinstance(error, reports)):
            return True
        return any(each is known for each in came_of(error) for known in self.injected)

    def _begin(self, job: str) -> None:
        self.attempts[job] += 1
        self.errors.pop(job, None)
        self.callback_errors.pop(job, None)

    def _break(self, place: str, job: str) -> None:
        kind = self._plans[job].breaking(self.attempts[job]).get(place, "") if job else ""
        if kind == plan.SLOW:
            time.sleep(SLOWNESS)
            return
        if kind:
            self._odd |= place != plan.RUN or kind not in (plan.TRANSIENT, plan.TERMINAL)
            execution = control.current()
            if execution is not None:
                execution.steps[-1].fault = kind
        elif place in self._scenario.at:
            again = f", attempt {self.attempts[job]}" if job and self.attempts[job] > 1 else ""
            kind = breaks(f"{place} {job}".rstrip() + again, plan.kinds_at(place, self._scenario.errors))
        if not kind:
            return
        error = self._makers[kind](f"{kind} at {place}" + (f" of {job}" if job else ""))
        self.injected.append(error)
        task = _task()
        self.interrupted |= not isinstance(error, Exception) and task is not None and not task.path
        if place in plan.BEFORE_COMMIT and job:
            self.errors.setdefault(job, error)
        elif place == plan.LEDGER:  # evidence that could not be left, as the marker's
            self.callback_errors[job] = error
        raise error


class _Client:
    """A connection that may break when it is entered or left."""

    def __init__(self, script: Script, job: str) -> None:
        self._script = script
        self._job = job

    def __enter__(self) -> _Client:
        self._script.at(plan.ENTER, self._job)
        return self

    def __exit__(self, *_: object) -> None:
        self._script.at(plan.LEAVE, self._job)


def _task() -> Any:
    execution = control.exploring()
    return None if execution is None else execution.current
