"""Make a failing schedule smaller: fewest preemptions, then fewest tasks taking part, then fewest steps.

Everything is tried by running it, and counts only if it shows the same thing. What is tried:

1. *Causal slice and commuting swaps.* What does not happen before the failure is left to the default schedule. What
   does is done in an order with few preemptions: swapping independent neighbours changes nothing.
2. *Delta debugging of turns* (Zeller and Hildebrandt, TSE 2002; for schedules: Jalbert and Sen, FSE 2010). Turns are
   left out, in large and in small pieces, so that their steps come when their task has its turn again; or a task goes
   on at once with what it would do in its next turn.
3. Early time-outs and data choices are taken back, one by one.
4. *Fewer preemptions, exhaustively*: what runs are left are spent on all schedules with fewer preemptions, the fewest
   first. In a small program nothing with fewer preemptions than the result shows the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..errors import BlockedError, NondeterminismError
from ..runtime import Execution
from ..trace import TIMEOUT
from .causality import Causality, Cut, few_preemptions
from .frontier import Bounded
from .replay import Deviation, Replay, deviations
from .runner import Runner
from .strategy import Strategy
from .turns import Follow, Plan, Recorder, plan_of

SHRINK_RUNS = 200
"""Executions spent on making one failing schedule smaller, at most."""
BOUNDED_RUNS = 50
"""So many of them, for each preemption that is left, on a search for fewer when nothing else helps."""

Seen = Callable[[Execution], int | None]
"""The index of the step at which an execution shows what is looked for; the number of its steps where all of it does;
None where it does not."""

Size = tuple[int, int, int, int, int]
"""Preemptions; early time-outs and data choices other than the default; tasks taking part and steps, up to where it
shows; deviations."""


@dataclass(frozen=True)
class _Shown:
    """An execution that shows it."""

    size: Size
    schedule: tuple[Deviation, ...]
    plan: Plan
    order: Causality
    cuts: tuple[Cut, ...]


def shrink(runner: Runner, schedule: tuple[Deviation, ...], seen: Seen) -> tuple[Deviation, ...]:
    """A smaller schedule that shows the same.

    Args:
        runner: the program.
        schedule: one that shows it.
        seen: whether an execution shows it, and where.
    """
    return _Shrinking(runner, seen).of(schedule)


class _Shrinking:
    def __init__(self, runner: Runner, seen: Seen) -> None:
        self.runner = runner
        self.seen = seen
        self.runs = 0
        self.tried: set[Plan] = set()

    def of(self, schedule: tuple[Deviation, ...]) -> tuple[Deviation, ...]:
        first = self._run(Replay(schedule))
        if first is None:
            return schedule
        best = first
        limit = self.runner.step_limit
        self.runner.step_limit = min(limit, 200 + 4 * sum(best.order.whole))  # a smaller one is not longer
        try:
            while self.runs < SHRINK_RUNS:
                smaller = self._smaller(best)
                if smaller is None:
                    break
                best = smaller
        except (BlockedError, NondeterminismError):
            pass  # what was tried cannot be run; what was found can
        finally:
            self.runner.step_limit = limit
        return best.schedule

    def _smaller(self, best: _Shown) -> _Shown | None:
        for plan in _candidates(best):
            found = self._try(plan)
            if found is None:
                continue
            if found.size < best.size:
                return found
            for reordered in _reorderings(found):  # of as many preemptions, and yet a better start
                again = self._try(reordered)
                if again is not None and again.size < best.size:
                    return again
        return self._fewer_preemptions(best)

    def _try(self, plan: Plan) -> _Shown | None:
        """Run a plan that was not tried yet, if there are runs left."""
        if plan in self.tried or self.runs >= SHRINK_RUNS:
            return None
        self.tried.add(plan)
        return self._run(Follow(plan))

    def _fewer_preemptions(self, best: _Shown) -> _Shown | None:
        if not best.size[0]:
            return None
        search = Bounded(best.size[0] - 1)
        most = min(SHRINK_RUNS, self.runs + BOUNDED_RUNS * best.size[0])
        while self.runs < most and search.start():
            found = self._run(search)
            if found is not None:
                return found
        return None

    def _run(self, strategy: Strategy) -> _Shown | None:
        """Run an execution; None where it does not show what is looked for."""
        self.runs += 1
        recorder = Recorder(strategy)
        execution = self.runner.run(recorder)
        strategy.finish(execution)
        at = self.seen(execution)
        if at is None or execution.ending == "step limit":
            return None
        steps = execution.steps
        end = min(at + 1, len(steps))
        schedule = deviations(execution.log, execution.widths)
        odd = sum(step.outcome is TIMEOUT for step in steps)
        odd += sum(sum(map(bool, taken)) for taken in recorder.data.values())
        taking_part = len({step.task.key for step in steps[:end]})
        order = Causality(execution)
        cuts = (order.past(at), order.whole) if at < len(steps) else (order.whole,)
        return _Shown(
            (execution.preemptions(), odd, taking_part, end, len(schedule)),
            schedule,
            plan_of(steps[:end], recorder.data),
            order,
            cuts,
        )


def _reorderings(shown: _Shown) -> Iterator[Plan]:
    """The causal slice in an order with few preemptions; then all of it in such an order."""
    order = shown.order
    for cut in shown.cuts:
        turns = few_preemptions(order, cut)
        yield replace(shown.plan, turns=tuple((order.tasks[task], until) for task, until in turns))


def _candidates(best: _Shown) -> Iterator[Plan]:
    plan, turns = best.plan, best.plan.turns
    yield from _reorderings(best)
    yield plan
    for name in sorted({task for task, _ in turns}, reverse=True):
        yield replace(plan, turns=tuple(turn for turn in turns if turn[0] != name))
    size = len(turns) // 2
    while size:
        for at in range(0, len(turns), size):
            yield replace(plan, turns=turns[:at] + turns[at + size :])
        size //= 2
    for at, turn in enumerate(turns):
        later = next((n for n in range(at + 1, len(turns)) if turns[n][0] == turn[0]), None)
        if later is not None:
            yield replace(plan, turns=(*turns[:at], turns[later], *turns[at + 1 : later], *turns[later + 1 :]))
    for place in sorted(plan.early):
        yield replace(plan, early=plan.early - {place})
    for n, (place, taken) in enumerate(plan.data):
        for at in (at for at, index in enumerate(taken) if index):
            default = (place, (*taken[:at], 0, *taken[at + 1 :]))
            yield replace(plan, data=(*plan.data[:n], default, *plan.data[n + 1 :]))
    before: dict[str, int] = {}
    for at, (task, until) in enumerate(turns):
        by = 1
        while until - by > before.get(task, 0):
            yield replace(plan, turns=(*turns[:at], (task, until - by), *turns[at + 1 :]))
            by += by if best.size[0] < 2 else 1  # where there is more to win, everywhere
        before[task] = until
