"""Records made by hand: what a verification might have said."""

from __future__ import annotations

from harness.conformance.record import Doubt, Finding, Part, Record, RuleResult, ScenarioResult, Who, assemble
from harness.search.token import Token
from harness.verdict import Verdict

PROVED, BOUNDED, BROKEN = Verdict.PROVED, Verdict.BOUNDED, Verdict.BROKEN
INCONCLUSIVE, VACUOUS, NA = Verdict.INCONCLUSIVE, Verdict.VACUOUS, Verdict.NOT_APPLICABLE


def finding(cause: str = "C4/late marker", scenario: str = "one", *, preemptions: int = 1, also: tuple[str, ...] = (),
            error: str = "late marker: seen", story: tuple[str, ...] = ()) -> Finding:  # fmt: skip
    rule = cause.partition("/")[0]
    token = str(Token("mine", scenario, ((1, 1),) * preemptions, 1, "abc"))
    return Finding(
        cause=cause, kind="rule" if rule[0] == "C" else rule, rule=rule if rule[0] == "C" else "", subject="a",
        error=error, expected="quiet", step=0, waiting=[], scenario=scenario, also_in=list(also), found_in=1,
        preemptions=preemptions, token=token, replay=f"loadloom replay {token}",
        story=list(story) or [f"[{rule}] {error}", "  found:    in execution 1", f"  replay:   {token}"], steps=[],
    )  # fmt: skip


def part(name: str, rules: dict[str, Verdict], *findings: Finding, bounds: str = "", doubts: tuple[Doubt, ...] = ()):
    results = [RuleResult(rule, verdict, 1) for rule, verdict in rules.items()]
    scenario = ScenarioResult(name=name, title="T.", file="", executions=3, complete=True, bounds=bounds,
                              doubts=list(doubts), rules=results)  # fmt: skip
    return Part(scenario, list(findings), 0.5)


def record(*parts: Part, catalogue: tuple[str, ...] = (), unfinished: tuple[str, ...] = ()) -> Record:
    return assemble(Who("mine", "1.0"), parts, catalogue, unfinished)
