"""A commit without an answer."""

from harness import Scenario, breaks, succeeds

lost_answer = Scenario.family(
    "The destination commits a job and {error} takes the place of its answer; its ledger knows.",
    lambda error: {"jobs": [breaks("a", f"{error}@commit"), succeeds("b")]},
    {"error": ["transient", "interrupt"]},
    source="FoundationDB: commit_unknown_result; unknown is not failed",
    ledger=True,
    timeouts=0,
)
