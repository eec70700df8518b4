"""A failure that does not pass."""

from harness import Scenario, breaks, succeeds

gives_up = Scenario(
    "One of two jobs fails transiently whenever it is tried, until the loader has had enough.",
    source="dlt-hub/dlt#208",
    jobs=[breaks("a", "transient", "transient"), succeeds("b")],
    workers=1,
    timeouts=0,
    rules=("C6", "C9", "C12"),  # whether anything is loaded first is up to the loader, and the package stays
)
