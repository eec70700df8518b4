"""Which schedules to run: strategies, happens-before, tokens, shrinking."""

from .dpor import Dpor
from .frontier import Bounded, Dfs
from .replay import Fixed, Replay
from .sampling import Random
from .strategy import Strategy

__all__ = ["Bounded", "Dfs", "Dpor", "Fixed", "Random", "Replay", "Strategy"]
