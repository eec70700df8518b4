"""Nothing works."""

from harness import Scenario, fails

all_fail = Scenario(
    "The destination refuses every job for good; the package ends all the same.",
    source="dlt-hub/dlt#3854",
    jobs=[fails("a"), fails("b")],
    timeouts=0,
)
