"""Ctrl-C."""

from harness import Scenario, succeeds

signal_any_time = Scenario(
    "One job and its load; SIGINT or SIGTERM comes before any step of the loader's thread.",
    source="dlt signals: drain on the first, stop on the second",
    jobs=[succeeds("a")],
    faults=1,
    at=("signal",),
    timeouts=0,
)
