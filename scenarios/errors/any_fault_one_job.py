"""Whatever can go wrong with a job, wherever."""

from harness import Scenario, succeeds

any_fault_one_job = Scenario(
    "One job, and any one place of it or of its load breaks in any way.",
    source="review of dlt-hub/dlt#3854",
    jobs=[succeeds("a")],
    faults=1,
    errors=("transient", "terminal", "interrupt", "exit", "generator exit"),
)
