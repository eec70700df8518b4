"""The disk under the marker."""

from harness import Scenario, succeeds

marker_io = Scenario(
    "Any one operation on files within a callback fails, in every way that it can.",
    source="review of dlt-hub/dlt#3854 (a folder that becomes unavailable)",
    jobs=[succeeds("a"), succeeds("b")],
    faults=1,
    at=("marker",),
    file_faults=("EIO", "EIO after", "ENOSPC", "disk full", "EACCES", "EMFILE", "short write", "fsync"),
    timeouts=0,
)
