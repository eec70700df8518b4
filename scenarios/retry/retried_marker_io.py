"""A marker that fails on the second attempt."""

from harness import Scenario, breaks, succeeds

retried_marker_io = Scenario(
    "One of two jobs fails transiently, then succeeds, and its callback raises.",
    source="tests of dlt-hub/dlt#3854",
    jobs=[breaks("a", "transient", "error@callback"), succeeds("b")],
    timeouts=0,
)
