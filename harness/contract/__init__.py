"""The contract: numbered rules, each a small monitor over the steps of an execution and what an observer would see."""

from .events import Event, View
from .monitor import Monitor, Watch
from .ordering import MONITORS
from .rules import RULES, Rule

__all__ = ["MONITORS", "RULES", "Event", "Monitor", "Rule", "View", "Watch"]
