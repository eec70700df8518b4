"""A marker that cannot be written, or a callback that raises although it was."""

from harness import Scenario, breaks, succeeds

callback_raises = Scenario.family(
    "The callback of one of two jobs meets {error}; its marker is written where the place is called: {place}.",
    lambda place, error: {"jobs": [breaks("a", f"{error}@{place}"), succeeds("b")]},
    {"place": ["callback", "called"], "error": ["error", "interrupt", "exit"]},
    source="review of dlt-hub/dlt#3854",
    timeouts=0,
)
