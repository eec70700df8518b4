"""Whatever can go wrong where a ledger is kept."""

from harness import Scenario, fails, succeeds

any_fault_with_ledger = Scenario(
    "Two jobs, one refused for good, a ledger, and any one place of either or of their load breaks in any way.",
    source="exactly-once delivery: a key checked and recorded with the effect",
    jobs=[succeeds("a"), fails("b")],
    faults=1,
    ledger=True,
    timeouts=0,
)
