"""More jobs than workers."""

from harness import Scenario, succeeds

three_jobs = Scenario(
    "Three jobs for two workers: the third is started by whoever ends first.",
    source="dlt-hub/dlt#1494",
    jobs=[succeeds("a"), succeeds("b"), succeeds("c")],
    timeouts=0,
)
