"""Somebody watches a job fail."""

from harness import Scenario, fails

observed_failure = Scenario(
    "One job is refused for good while an observer looks at its state and its marker at any time.",
    source="dlt-hub/dlt#3854",
    jobs=[fails("a")],
    observer=True,
    timeouts=0,
)
