"""Errors where the job runs in the loader's own thread."""

from harness import Scenario, breaks, succeeds

client_raises_here = Scenario.family(
    "Without threads, the client of the first of two jobs raises {error} in {place}.",
    lambda place, error: {"jobs": [breaks("a", f"{error}@{place}"), succeeds("b")]},
    {"place": ["constructor", "enter", "run", "leave"], "error": ["transient", "terminal"]},
    source="review of dlt-hub/dlt#3854",
    workers=0,
    sequential=True,
)
