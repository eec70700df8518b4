"""Strategies by the names that users give them."""

from __future__ import annotations

from ..errors import UsageError
from .dpor import Dpor
from .frontier import Bounded, Dfs
from .pct import DEFAULT_DEPTH, Pct
from .random_walk import Random
from .strategy import Strategy
from .surw import Surw

STRATEGIES = ("dpor", "bounded", "dfs", "random", "pct", "surw")
SAMPLED = "sampled"
"""What a caller accepts by name for whom a number of samples will do."""
DEFAULT_PREEMPTIONS = 2
DEFAULT_SAMPLES = 1000

_SAMPLING = ("random", "pct", "surw")


def make_strategy(
    name: str,
    *,
    preemptions: int | None = None,
    depth: int | None = None,
    max_executions: int | None = None,
    seed: int = 0,
    accept: str | None = None,
) -> Strategy:
    """A strategy by name.

    Args:
        name: one of `STRATEGIES`.
        preemptions: the bound of ``bounded``; with ``dpor``, which cannot be bounded by preemptions without losing
            traces, it means ``bounded``.
        depth: of the bugs that ``pct`` looks for.
        max_executions: how many a strategy that samples runs.
        seed: of strategies that sample.
        accept: ``sampled``: that many samples are an answer.

    Raises:
        UsageError: there is none of this name, or an argument is not for it.
    """
    if name not in STRATEGIES:
        raise UsageError(f"no strategy {name!r}; there are {', '.join(STRATEGIES)}")
    if preemptions is not None and name not in ("dpor", "bounded"):
        raise UsageError(f"strategy {name!r} has no bound on preemptions; 'bounded' has")
    if depth is not None and name != "pct":
        raise UsageError(f"strategy {name!r} knows no depth; 'pct' does")
    if depth is not None and depth < 1:
        raise UsageError(f"a bug's depth is 1 or more, not {depth}")
    if accept is not None and accept != SAMPLED:
        raise UsageError(f"nothing to accept is called {accept!r}; there is {SAMPLED!r}")
    samples = DEFAULT_SAMPLES if max_executions is None else max_executions
    accepted = accept == SAMPLED
    if name == "random":
        return Random(samples, seed, accepted)
    if name == "pct":
        return Pct(samples, seed, accepted, DEFAULT_DEPTH if depth is None else depth)
    if name == "surw":
        return Surw(samples, seed, accepted)
    if accept is not None:
        raise UsageError(f"strategy {name!r} does not sample, so there is nothing to accept; {', '.join(_SAMPLING)} do")
    if name == "dfs":
        return Dfs()
    if name == "dpor" and preemptions is None:
        return Dpor()
    return Bounded(DEFAULT_PREEMPTIONS if preemptions is None else preemptions)
