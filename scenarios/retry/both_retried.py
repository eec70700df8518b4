"""Two retries at once."""

from harness import Scenario, retries

both_retried = Scenario(
    "Two jobs fail once each, at the same time.",
    source="dlt-hub/dlt#3854",
    jobs=[retries("a"), retries("b")],
    timeouts=0,
)
