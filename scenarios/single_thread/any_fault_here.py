"""Whatever can go wrong where there is no other thread."""

from harness import Scenario, succeeds

any_fault_here = Scenario(
    "Without threads, any two places of two jobs or of their load break in any way but by an interrupt.",
    source="review of dlt-hub/dlt#3854",
    jobs=[succeeds("a"), succeeds("b")],
    workers=0,
    sequential=True,
    faults=2,
    errors=("transient", "terminal"),
)
