"""A failure that stays."""

from harness import Scenario, fails, succeeds

terminal_failure = Scenario(
    "The destination refuses one of two jobs for good; its marker and message are written in its worker.",
    source="dlt-hub/dlt#3854",
    jobs=[fails("a"), succeeds("b")],
    timeouts=0,  # shared_wakeup tries those
)
