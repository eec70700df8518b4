"""Verify a loader: adapters, scenarios, the verdict on each rule."""

from .scenario import JobPlan, Scenario, fails, retries, succeeds

__all__ = ["JobPlan", "Scenario", "fails", "retries", "succeeds"]
