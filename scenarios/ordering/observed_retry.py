"""Somebody watches a job being tried again."""

from harness import Scenario, retries

observed_retry = Scenario(
    "One job is tried twice while an observer looks at its state and its marker at any time.",
    source="dlt-hub/dlt#3854",
    jobs=[retries("a")],
    observer=True,
    timeouts=0,
)
