"""Two errors of one job."""

from harness import Scenario, breaks, succeeds

double_failure = Scenario.family(
    "The destination fails a job for good in {place}, and then its callback raises {error}.",
    lambda place, error: {"jobs": [breaks("a", f"terminal@{place}+{error}@callback"), succeeds("b")]},
    {"place": ["constructor", "enter", "run"], "error": ["error", "interrupt"]},
    source="tests of dlt-hub/dlt#3854",
    timeouts=0,
)
