"""Verify a loader: adapters, scenarios, the verdict on each rule."""

from .plan import JobPlan, breaks, fails, retries, slow, succeeds
from .scenario import Scenario

__all__ = ["JobPlan", "Scenario", "breaks", "fails", "retries", "slow", "succeeds"]
