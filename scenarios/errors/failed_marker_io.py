"""The disk under the marker of a job that has failed already."""

from harness import Scenario, fails, succeeds

failed_marker_io = Scenario(
    "The destination refuses a job, and any one operation on files within a callback fails.",
    source="tests of dlt-hub/dlt#3854 (double failure)",
    jobs=[fails("a"), succeeds("b")],
    faults=1,
    at=("marker",),
    timeouts=0,
)
