"""Run one program again and again with every probe in place."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import LoadloomError, UsageError
from ..faults import Budget
from ..faults.signals import arrive
from ..probes import Patches, futures, stdlib
from ..runtime import Execution
from ..runtime.execution import Chooser
from ..runtime.vehicle import VEHICLES
from ..runtime.watchdog import PATIENCE, Watchdog
from ..trace import Operation

Installer = Callable[[Patches], None]
Listener = Callable[[Execution, Operation], None]

_running: Runner | None = None  # patches and the control of a process are one


class Runner:
    """Everything that stays the same from one execution of a program to the next. A context manager.

    Args:
        program: called without arguments as the main task of each execution.
        vehicle: what carries the tasks: ``fiber`` or ``thread``.
        patience: seconds without a step after which an execution is ended: something blocks outside our sight.
        timeouts: how often timed waits may expire early in an execution.
        step_limit: steps after which an execution is given up.
        faults: how many places may break in an execution.
        signals: whether a signal to the main task is one of them.
        install: more probes to put in place (shared attributes, files).
        before: called before each execution: lay down the state that it starts from.
        listener: called after each step; what it does is no step.
        after: called at the end of each execution, before its tasks are unwound.
        instrument: modules, classes, functions or dotted names whose accesses to shared state become steps.

    Raises:
        UsageError: something named to be instrumented cannot be.
    """

    def __init__(
        self,
        program: Callable[[], object],
        *,
        vehicle: str = "fiber",
        patience: float = PATIENCE,
        timeouts: int = 1,
        step_limit: int = 20_000,
        faults: int = 0,
        signals: bool = False,
        install: Sequence[Installer] = (),
        before: Callable[[], None] | None = None,
        listener: Listener | None = None,
        after: Callable[[Execution], None] | None = None,
        instrument: Sequence[Any] = (),
    ) -> None:
        self.program = program
        self.timeouts = timeouts
        self.step_limit = step_limit
        self.faults = faults
        self._signals = signals
        self._before = before
        self._listener = listener
        self._after = after
        if vehicle not in VEHICLES:
            raise UsageError(f"no vehicle {vehicle!r}; there are {', '.join(VEHICLES)}")
        self._watchdog = Watchdog(patience)
        self._vehicle = VEHICLES[vehicle]()
        self._patches = Patches()
        self._patches.roots["program"] = program
        stdlib.install(self._patches)
        for installer in install:
            installer(self._patches)
        self._execution = Execution
        if instrument:
            from ..probes import instrument as instrumentation
            from ..probes.instrument_names import NamingExecution

            instrumentation.install(self._patches, instrument, program)
            self._execution = NamingExecution
        self._collecting = False
        self._runs = 0
        self._last: Execution | None = None
        self._previous: Any = None
        self.interrupted = False

    def also(self, program: Callable[[], object], name: str) -> None:
        """One more program that it will run: what it holds is looked at like the first one's."""
        self._patches.roots[name] = program

    def __enter__(self) -> Runner:
        global _running
        if _running is not None:
            raise UsageError(
                "an exploration inside another: a program may not explore, and a process explores one at a time. "
                "Call explore() outside of the program, or in a process of its own"
            )
        self._patches.apply()
        _running = self
        self._watchdog.__enter__()
        self._collecting = gc.isenabled()
        gc.disable()  # a destructor at a random place would make a random step
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        global _running
        _running = None
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
        self._patches.undo()
        self._watchdog.__exit__()
        self._vehicle.close()
        if self._collecting:
            gc.enable()

    def _at_end(self, execution: Execution) -> None:
        if execution.ending != "cut":  # whoever was to read them may not have come to it
            futures.report_unread(execution)
        if self._after is not None:
            self._after(execution)

    def _interrupt(self, *_: object) -> None:
        if self.interrupted:  # asked twice: the program does not come back to us
            signal.default_int_handler(signal.SIGINT, None)
        self.interrupted = True
        if self._last is not None:
            self._last.chooser = _Stop()

    def run(self, chooser: Chooser, detailed: bool = False) -> Execution:
        """One execution.

        Raises:
            KeyboardInterrupt: the user wants to stop.
            LoadloomError: the program, the adapter or the schedule does not fit.
        """
        self._runs += 1
        if self._last is not None and not self._last.detailed:
            self._last.dissolve()
        if self._runs % 1000 == 0:
            gc.collect(1)  # cycles of the program's own
        if self._before is not None:
            self._before()
        execution = self._execution(
            _Stop() if self.interrupted else chooser,
            self._vehicle,
            timeouts=self.timeouts,
            step_limit=self.step_limit,
            detailed=detailed,
        )
        if self.faults:
            Budget(self.faults).attach(execution)
            execution.interrupt = arrive if self._signals else None
        listener = self._listener
        if listener is not None:
            execution.listener = lambda step: listener(execution, step)
        execution.at_end = self._at_end
        self._last = execution
        self._watchdog.execution = execution
        try:
            execution.run(self.program)
        except RecursionError as error:
            raise LoadloomError(f"the program recursed too deep for a fiber: {error}") from error
        finally:
            self._watchdog.execution = None
        return execution


class _Stop:
    """A chooser that ends the execution when the user has pressed Ctrl-C."""

    def choose(self, point: Any) -> int:
        raise KeyboardInterrupt
