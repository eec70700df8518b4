"""No threads at all."""

from harness import Scenario, fails, retries, succeeds

single_thread = Scenario(
    "Three jobs with every outcome, run one after another in the loader's own thread.",
    source="dlt-hub/dlt#3854",
    jobs=[succeeds("a"), fails("b"), retries("c")],
    workers=0,
    sequential=True,
)
