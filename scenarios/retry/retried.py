"""A failure that passes."""

from harness import Scenario, retries, succeeds

retried = Scenario(
    "One of two jobs fails once and is tried again while the other ends.",
    source="dlt-hub/dlt#3854",
    jobs=[retries("a"), succeeds("b")],
    timeouts=0,  # with early time-outs of the poll there are tens of thousands of traces
)
