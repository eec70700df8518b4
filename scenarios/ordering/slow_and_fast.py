"""A job that outlasts the poll."""

from harness import Scenario, slow, succeeds

slow_and_fast = Scenario(
    "One job takes longer than the loader's poll; the other is through at once.",
    source="dlt-hub/dlt#3849",
    jobs=[slow("a"), succeeds("b")],
    timeouts=0,
)
