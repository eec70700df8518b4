"""The load's record at the destination."""

from harness import Scenario, fails, succeeds

load_record = Scenario(
    "The destination cannot get ready for the package, or cannot record the load, or did and says that it could not.",
    source="dlt-hub/dlt#4023 (rows without an entry for their load)",
    jobs=[succeeds("a"), fails("b")],
    faults=1,
    at=("prepare", "record", "recorded"),
    timeouts=0,
)
