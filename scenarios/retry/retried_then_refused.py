"""Hope, then none."""

from harness import Scenario, breaks, succeeds

retried_then_refused = Scenario(
    "One of two jobs fails transiently, and for good when it is tried again.",
    source="dlt-hub/dlt#3854",
    jobs=[breaks("a", "transient", "terminal"), succeeds("b")],
    timeouts=0,
)
