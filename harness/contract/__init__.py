"""The contract: numbered rules, each a small monitor over the steps of an execution and what an observer would see."""

from .agreement import OrderFree
from .events import Event, View
from .liveness import LIVENESS
from .monitor import Monitor, Watch
from .ordering import ORDERING
from .rules import RULES, Rule

_ALL: tuple[type[Monitor], ...] = (*ORDERING, *LIVENESS, OrderFree)
MONITORS = {cls.rule: cls for cls in _ALL}
"""A monitor for each rule."""

__all__ = ["MONITORS", "RULES", "Event", "Monitor", "Rule", "View", "Watch"]
