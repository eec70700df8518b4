"""Ctrl-C while two jobs run."""

from harness import Scenario, fails, succeeds

signal_with_two_jobs = Scenario(
    "Two jobs, one of which is refused; SIGINT or SIGTERM comes before any step of the loader's thread.",
    source="dlt signals: drain on the first, stop on the second",
    jobs=[succeeds("a"), fails("b")],
    faults=1,
    at=("signal",),
    timeouts=0,
)
