"""The smallest race there is."""

from harness import Scenario, succeeds

one_job = Scenario(
    "One job and an observer who looks at its state and its marker at any time.",
    source="dlt-hub/dlt#3849",
    jobs=[succeeds("a")],
    observer=True,
)
