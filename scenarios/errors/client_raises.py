"""A connection that breaks, in each way at each place."""

from harness import Scenario, breaks, succeeds

client_raises = Scenario.family(
    "One of two jobs meets {error} in the {place} of its client, once.",
    lambda place, error: {"jobs": [breaks("a", f"{error}@{place}"), succeeds("b")]},
    {
        "place": ["constructor", "enter", "run", "leave"],
        "error": ["transient", "terminal", "interrupt", "exit", "generator exit"],
    },
    source="review of dlt-hub/dlt#3854",
    timeouts=0,  # any-fault-one-job tries those
)
