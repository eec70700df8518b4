"""An error on top of an error."""

from harness import Scenario, succeeds

two_faults = Scenario(
    "One job, and any two places of it or of its load break.",
    source="tests of dlt-hub/dlt#3854 (double failure)",
    jobs=[succeeds("a")],
    faults=2,
    timeouts=0,
)
