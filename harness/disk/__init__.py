"""What a stop leaves on disk: a journal of what was done, models of what is durable, and the states they allow."""

from .crash import ALICE, FULL, CrashStates, crash_points, crash_states
from .disk import Disk
from .journal import Journal
from .models import MODELS, Model, model_named
from .state import State, state_of

__all__ = [
    "ALICE",
    "FULL",
    "MODELS",
    "CrashStates",
    "Disk",
    "Journal",
    "Model",
    "State",
    "crash_points",
    "crash_states",
    "model_named",
    "state_of",
]
