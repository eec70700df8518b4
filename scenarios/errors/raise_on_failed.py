"""Told to raise when a job has failed."""

from harness import Scenario, fails, succeeds

raise_on_failed = Scenario(
    "Three jobs for two workers; the first fails for good, and the loader is told to raise on that.",
    source="dlt-hub/dlt#208",
    jobs=[fails("a"), succeeds("b"), succeeds("c")],
    raise_on_failed=True,
    timeouts=0,
)
