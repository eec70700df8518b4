"""One worker, and the loader beside it."""

from harness import Scenario, fails, succeeds

one_worker = Scenario(
    "Two jobs, one after the other in a thread of their own.",
    source="dlt-hub/dlt#1494",
    jobs=[succeeds("a"), fails("b")],
    workers=1,
)
