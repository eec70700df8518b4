"""A failure that takes its time to pass."""

from harness import Scenario, retries

retried_twice = Scenario(
    "One job fails twice before it gets through.",
    source="dlt-hub/dlt#3854",
    jobs=[retries("a", 2)],
    timeouts=0,
)
