"""Which of two errors is raised?"""

from harness import Scenario, breaks

two_errors = Scenario(
    "The markers of two jobs fail, each with an error of its own type; the caller can be told of one.",
    source="dlt-hub/dlt#208",
    jobs=[breaks("a", "error@callback"), breaks("b", "interrupt@callback")],
    timeouts=0,
)
