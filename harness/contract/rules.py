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
            'loader took the job over). Exempt: "failed" whose recorded error is, '
            "or has chained to it, the failure to write that marker.",
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
        Rule(
            "C6", "always terminal", 2,
            "Every started job becomes terminal or \"retry\", whatever the destination, its client's constructor, "
            "enter or exit, or the callback raise, `BaseException` included; the loader never waits for ever.",
            "A job that nobody ends keeps its loader polling until somebody kills it, with no word of why.",
            "review of dlt-hub/dlt#3854 (a callback that raises left the job running, and the loader waiting); "
            "dlt-hub/dlt#1494",
        ),
        Rule(
            "C7", "no false success", 2,
            'A job whose marker could not be written is not reported "completed"; the error is raised or recorded '
            "where the caller of the loader meets it, not swallowed.",
            'Without its marker the job is loaded again after a crash; whoever saw "completed" has no reason to '
            "look.",
            "review of dlt-hub/dlt#3854",
        ),
        Rule(
            "C8", "first error wins", 2,
            "When the destination and then the callback fail, the destination's exception is kept and the "
            "callback's is chained to it.",
            "The second error hides why the job failed; without the chain the first hides that it left no marker.",
            "tests of dlt-hub/dlt#3854 (double failure)",
        ),
        Rule(
            "C9", "silent retry", 2,
            'On "retry" no marker is written and `finished_at` stays unset.',
            "A marker is evidence: after a crash the job would not be tried again. A finish time counts it as "
            "done.",
            "tests of dlt-hub/dlt#3854 (the callback is never called on retry)",
        ),
        Rule(
            "C10", "once", 2,
            "Without a crash a job's data is committed once; the callback runs exactly once per terminal "
            "transition; no release of the done event raises out of a job; no worker goes on working after the "
            "run that started it has returned.",
            "Rows twice in the destination are the one thing that nobody can mend afterwards.",
            "dlt-hub/dlt#3854 (the semaphore that all jobs of a package share)",
        ),
        Rule(
            "C11", "no lost wake-up", 2,
            "Progress never depends on a poll time-out when a terminal state was published.",
            "The loader gets through all the same, a poll later each time: a defect that only shows as slowness, "
            "until somebody makes the poll longer.",
            "dlt-hub/dlt#3849",
        ),
        Rule(
            "C12", "order-free", 2,
            "For the same jobs and faults the set of outcomes (job states, package state, exception type) has one "
            "member, whatever the order in which directories are listed, jobs polled and threads run. Judged over "
            "all traces together; where the loader's own thread is interrupted, how far the jobs have come by then is "
            "its affair.",
            "A load that ends otherwise from run to run cannot be tested, retried or explained.",
            "dlt-hub/dlt#208 (a failed job ended the load while others were still running)",
        ),
    )
}  # fmt: skip
