"""Directories tell their entries in no order."""

from harness import Scenario, fails, retries, succeeds

listings = Scenario(
    "Three jobs with three outcomes; every directory is listed in ascending, then in descending order.",
    source="readdir(3): entries come in no particular order",
    jobs=[fails("a"), retries("b"), succeeds("c")],
    listings="both",
    workers=1,
    timeouts=0,
)
