"""loadloom's checker: runs threads in every order that matters and says which rules hold."""

from .conformance import JobPlan, Scenario, fails, retries, succeeds
from .probes.steps import step
from .verdict import Verdict

__all__ = ["JobPlan", "Scenario", "Verdict", "fails", "retries", "step", "succeeds"]
