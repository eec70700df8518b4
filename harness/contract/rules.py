"""The rules by number: what each says, why, and where it was learned. ``docs/contract.md`` is made from this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One numbered clause of the contract.

    Attributes:
        number: ``C1`` ...
        name: a few words.
        level: the conformance level that it belongs to.
        statement: what must hold.
        reason: what goes wrong otherwise.
        source: where it was learned.
    """

    number: str
    name: str
    level: int
    statement: str
    reason: str
    source: str


RULES: dict[str, Rule] = {
    rule.number: rule
    for rule in (
        Rule(
            "C1", "marker before state", 1,
            'Nobody sees a job "completed" or "failed" while its marker is not in place (or already consumed when the '
            'loader took the job over). Exempt: "failed" whose recorded error is the failure to write that marker.',
            "The loader acts on the state. If the marker comes later it may be written into a package that is already "
            "gone, or never: after a crash the job is then loaded twice.",
            "dlt-hub/dlt#3849",
        ),
        Rule(
            "C2", "state before wake-up", 1,
            "The done event is released only after the state is published.",
            "A loader that wakes up and finds the old state goes back to sleep; the last job's wake-up is lost.",
            "dlt-hub/dlt#3849",
        ),
        Rule(
            "C3", "finished before state", 1,
            "`finished_at` is set before a terminal state can be seen.",
            "Whoever sees the state may at once read the metrics, and records a job that has not finished.",
            "dlt-hub/dlt#3854",
        ),
        Rule(
            "C4", "quiet after finalise", 1,
            "Once the package's rename succeeded, no task of that run creates, writes, renames or deletes anything "
            "under the old path, and the old path does not come back. (A later run's repair is exempt.)",
            "A late write fails in the worker, is lost, or brings a half package back that the next run takes for one.",
            "dlt-hub/dlt#3849",
        ),
        Rule(
            "C5", "finalise when terminal", 1,
            "A package is completed only when every job of it is terminal with evidence.",
            "A job that was still running when its package was put away is never loaded, and nobody notices.",
            "dlt-hub/dlt#3849",
        ),
    )
}  # fmt: skip
