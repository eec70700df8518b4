"""The six orders of marker write, state publish and rename for a job: which are reached, and which are safe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from ..contract.events import FINALISE, MARKER, RUN, STATE, Event
from ..errors import NondeterminismError
from ..runtime import Execution
from ..search import Dpor, Replay
from ..search.explore import Exploration, Progress, explore
from ..search.replay import Deviation, deviations
from ..search.shrink import shrink
from ..verdict import Verdict
from .adapter import Implementation
from .scenario import Scenario
from .suite import Search
from .verify import Session, session, token_of

Order = tuple[str, str, str]

MARKER_WRITE, PUBLISH, RENAME = "marker", "publish", "rename"
ALL: tuple[Order, ...] = tuple(permutations((MARKER_WRITE, PUBLISH, RENAME)))  # type: ignore[arg-type]
SAFE: Order = (MARKER_WRITE, PUBLISH, RENAME)
"""The only one in which neither a reader of the state nor a restart is told a lie."""


@dataclass(frozen=True)
class Seen:
    """One of the six orders.

    Attributes:
        order: what came first, second and last.
        executions: in how many it was seen, for any job.
        token: shows it; empty for one that was not reached, and for the safe one.
        job: the job for which the token shows it.
    """

    order: Order
    executions: int
    token: str = ""
    job: str = ""

    @property
    def safe(self) -> bool:
        """Whether a loader may do it in this order."""
        return self.order == SAFE

    @property
    def name(self) -> str:
        """``marker-publish-rename``."""
        return "-".join(self.order)


@dataclass(frozen=True)
class Orderings:
    """All six, and how far the search went."""

    implementation: Implementation
    scenario: Scenario
    exploration: Exploration
    orders: tuple[Seen, ...]

    @property
    def verdict(self) -> Verdict:
        """BROKEN if an unsafe order is reached; VACUOUS if none is reached at all."""
        if any(seen.executions and not seen.safe for seen in self.orders):
            return Verdict.BROKEN
        if not self.exploration.complete:
            return Verdict.INCONCLUSIVE
        if not any(seen.executions for seen in self.orders):
            return Verdict.VACUOUS
        return Verdict.BOUNDED if self.exploration.bounds else Verdict.PROVED


def orders_in(events: Sequence[Event]) -> dict[str, Order]:
    """The order of the three for each job of an execution, by the job's last attempt.

    A marker that never comes counts as coming last: its write was begun too late, or failed. A job whose state was
    never published, or whose package was never renamed, has no order.
    """
    places: dict[str, dict[str, int]] = {}
    rename = -1
    for at, event in enumerate(events):
        if event.kind == RUN:
            places[event.job] = {}
        elif event.kind == MARKER:
            places.get(event.job, {}).setdefault(MARKER_WRITE, at)
        elif event.kind == STATE:
            places.get(event.job, {}).setdefault(PUBLISH, at)
        elif event.kind == FINALISE and rename < 0:
            rename = at
    found: dict[str, Order] = {}
    for job, place in sorted(places.items()):
        if rename < 0 or PUBLISH not in place:
            continue
        when = {MARKER_WRITE: len(events), RENAME: rename, **place}
        first, second, last = sorted(when, key=when.__getitem__)
        found[job] = (first, second, last)
    return found


def orderings(
    implementation: Implementation,
    scenario: Scenario,
    search: Search,
    progress: Callable[[Progress], None] | None = None,
) -> Orderings:
    """Search for all six orders.

    Raises:
        UsageError: the search makes no sense.
        AdapterError: the adapter failed.
        KeyboardInterrupt: the user stopped it.
    """
    counts: Counter[Order] = Counter()
    first: dict[Order, tuple[tuple[Deviation, ...], str]] = {}

    # C5 makes publishing and renaming dependent steps: a search that leaves out equivalent orders must keep these apart
    watched = replace(scenario, rules=tuple(dict.fromkeys((*scenario.rules, "C5"))))
    with session(implementation, watched) as ready:

        def visit(execution: Execution) -> None:
            here = orders_in(ready.watch.events) if execution.ending != "cut" else {}
            counts.update(set(here.values()))
            for job, order in here.items():
                if order != SAFE and order not in first:
                    first[order] = (deviations(execution.log, execution.widths), job)

        exploration = explore(
            ready.runner,
            search.strategy_for(scenario) or Dpor(),
            max_executions=search.max_executions,
            time_budget=search.time_budget,
            confirm=False,
            visit=visit,
            progress=progress,
        )
        seen = tuple(_seen(ready, order, counts[order], first.get(order)) for order in ALL)
    return Orderings(implementation, scenario, exploration, seen)


def _seen(ready: Session, order: Order, count: int, where: tuple[tuple[Deviation, ...], str] | None) -> Seen:
    if where is None:
        return Seen(order, count)
    schedule, job = where

    def seen_at(execution: Execution) -> int | None:
        return len(execution.steps) if order in orders_in(ready.watch.events).values() else None

    smallest = shrink(ready.runner, schedule, seen_at)
    execution = ready.runner.run(Replay(smallest))
    jobs = [name for name, found in orders_in(ready.watch.events).items() if found == order]
    if not jobs:
        raise NondeterminismError(f"the order {'-'.join(order)} of {job!r} was not there when its schedule ran again")
    return Seen(order, count, str(token_of(ready.implementation.name, ready.scenario, smallest, execution)), jobs[0])
