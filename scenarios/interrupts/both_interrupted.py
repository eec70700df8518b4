"""Everybody is told to stop."""

from harness import Scenario, breaks

both_interrupted = Scenario.family(
    "Two jobs meet {error} at the same time, one in run and one in its callback.",
    lambda error: {"jobs": [breaks("a", f"{error}@run"), breaks("b", f"{error}@callback")]},
    {"error": ["interrupt", "exit"]},
    source="dlt-hub/dlt#3854 (skip exception not caught above, e.g. KeyboardInterrupt)",
    timeouts=0,
)
