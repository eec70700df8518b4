"""The race of dlt issue 3849."""

from harness import Scenario, succeeds

shared_wakeup = Scenario(
    "One job's wake-up makes the loader look at another that is still writing its marker.",
    source="dlt-hub/dlt#3849",
    jobs=[succeeds("a"), succeeds("b")],
)
