"""loadloom's checker: runs threads in every order that matters and says which rules hold.

The names are looked up when they are first used, so that the pytest plugin costs nothing where nobody uses it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import ExplorationFailed, Result, explore, replay
    from .conformance.plan import JobPlan, breaks, fails, retries, slow, succeeds
    from .conformance.scenario import Scenario
    from .errors import LoadloomError, NondeterminismError, UsageError
    from .faults import FILE_FAULTS
    from .faults.points import fault_point
    from .probes.marks import mark, marks
    from .probes.steps import step
    from .verdict import Verdict

__all__ = [
    "FILE_FAULTS",
    "ExplorationFailed",
    "JobPlan",
    "LoadloomError",
    "NondeterminismError",
    "Result",
    "Scenario",
    "UsageError",
    "Verdict",
    "breaks",
    "explore",
    "fails",
    "fault_point",
    "mark",
    "marks",
    "replay",
    "retries",
    "slow",
    "step",
    "succeeds",
]

_HOMES = {
    "api": ("ExplorationFailed", "Result", "explore", "replay"),
    "conformance.plan": ("JobPlan", "breaks", "fails", "retries", "slow", "succeeds"),
    "conformance.scenario": ("Scenario",),
    "errors": ("LoadloomError", "NondeterminismError", "UsageError"),
    "faults": ("FILE_FAULTS",),
    "faults.points": ("fault_point",),
    "probes.marks": ("mark", "marks"),
    "probes.steps": ("step",),
    "verdict": ("Verdict",),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for home, names in _HOMES.items():  # all at once: an import within an execution would make steps of its own
        module = importlib.import_module(f".{home}", __name__)
        globals().update({each: getattr(module, each) for each in names})
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
