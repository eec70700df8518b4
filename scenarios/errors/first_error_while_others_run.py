"""An error must not leave workers behind."""

from harness import Scenario, breaks, slow

first_error_while_others_run = Scenario(
    "The marker of one job fails while another job runs longer than the loader's poll.",
    source="dlt-hub/dlt#208",
    jobs=[breaks("a", "error@callback"), slow("b")],
    timeouts=0,
)
