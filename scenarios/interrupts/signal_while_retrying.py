"""Ctrl-C while something is to be tried again."""

from harness import Scenario, retries

signal_while_retrying = Scenario(
    "One job fails once and is tried again; SIGINT or SIGTERM comes before any step of the loader's thread.",
    source="dlt signals: drain on the first, stop on the second",
    jobs=[retries("a")],
    faults=1,
    at=("signal",),
    timeouts=0,
)
