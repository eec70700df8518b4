"""loadloom's checker: runs threads in every order that matters and says which rules hold."""

from .api import ExplorationFailed, Result, explore, replay
from .conformance import JobPlan, Scenario, fails, retries, succeeds
from .errors import LoadloomError, NondeterminismError, UsageError
from .probes.steps import step
from .verdict import Verdict

__all__ = [
    "ExplorationFailed",
    "JobPlan",
    "LoadloomError",
    "NondeterminismError",
    "Result",
    "Scenario",
    "UsageError",
    "Verdict",
    "explore",
    "fails",
    "replay",
    "retries",
    "step",
    "succeeds",
]
