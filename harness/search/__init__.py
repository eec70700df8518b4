"""Which schedules to run: strategies, happens-before, tokens, shrinking."""

from .dpor import Dpor
from .frontier import Bounded, Dfs
from .pct import Pct
from .random_walk import Random
from .replay import Fixed, Replay
from .strategy import Strategy
from .surw import Surw

__all__ = ["Bounded", "Dfs", "Dpor", "Fixed", "Pct", "Random", "Replay", "Strategy", "Surw"]
