"""Whatever can go wrong with one job while another runs."""

from harness import Scenario, succeeds

any_fault = Scenario(
    "Two jobs, and any one place of either or of their load breaks in any way.",
    source="review of dlt-hub/dlt#3854",
    jobs=[succeeds("a"), succeeds("b")],
    faults=1,
    timeouts=0,
)
