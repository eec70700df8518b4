"""Which conformance level a loader has reached: the highest up to which every rule held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ..contract.levels import LEVELS, Level
from ..verdict import Verdict, worst
from .verify import RUN

Results = Sequence[tuple[str, str, Sequence[tuple[str, Verdict]]]]
"""For each scenario its name, its bounds, and the verdict on each rule."""


class LevelResult(msgspec.Struct):
    """What is known of one level by itself, whatever the lower ones say.

    Attributes:
        level: its number.
        name: a few words.
        holds: whether every rule of it held wherever it applied.
        because: why not: rules with what is in their way.
    """

    level: int
    name: str
    holds: bool
    because: list[str]


class Certificate(msgspec.Struct, kw_only=True):
    """The level reached.

    Attributes:
        level: the highest level up to which every rule held; 0: none.
        certified: whether it may be called a certificate: a level was reached, over the whole catalogue of scenarios.
        bounds: within which the rules held, one line each; empty: in every order.
        scenarios_run: how many were run.
        scenarios_missing: those of the catalogue that were not.
        levels: each level.
    """

    level: int
    certified: bool
    bounds: list[str]
    scenarios_run: int
    scenarios_missing: list[str]
    levels: list[LevelResult]


def certify(results: Results, catalogue: Iterable[str]) -> Certificate:
    """Judge all levels.

    A rule that is checked in no scenario, or applies in none, is not covered: its level and those above cannot be
    claimed, which is not the same as broken.

    Args:
        results: of the scenarios that were run.
        catalogue: the names of all that a certificate asks for.
    """
    levels = [_level(level, results) for level in LEVELS]
    reached = 0
    for found in levels:
        if not found.holds:
            break
        reached = found.level
    run = {name for name, _, _ in results}
    missing = [name for name in catalogue if name not in run]
    bounds: dict[str, list[str]] = {}
    for name, bound, _ in results:
        if bound:
            bounds.setdefault(bound, []).append(name)
    return Certificate(
        level=reached,
        certified=reached > 0 and not missing,
        bounds=[f"{bound} ({', '.join(names)})" for bound, names in bounds.items()],
        scenarios_run=len(results),
        scenarios_missing=missing,
        levels=levels,
    )


SHOWN = 3
"""Scenarios named in a reason; the record has them all."""


def _level(level: Level, results: Results) -> LevelResult:
    rules = [*level.rules, RUN] if level.number == 2 else level.rules  # that every execution ends is liveness
    against: dict[str, list[str]] = {}
    for rule in rules:
        reason = _against(rule, results)
        if reason:
            against.setdefault(reason, []).append(rule)
    because = [f"{', '.join(rules)} {reason}" for reason, rules in against.items()]
    return LevelResult(level.number, level.name, not because, because)


def _against(rule: str, results: Results) -> str:
    """Why a rule cannot be said to hold; empty if it can."""
    seen = {name: verdict for name, _, rules in results for each, verdict in rules if each == rule}
    applied = {name: verdict for name, verdict in seen.items() if verdict is not Verdict.NOT_APPLICABLE}
    if not applied:
        return "not applicable" if seen else "not checked"
    verdict = worst(list(applied.values()))
    if verdict.passes:
        return ""
    where = [name for name, each in applied.items() if each is verdict]
    more = f" and {len(where) - SHOWN} more" if len(where) > SHOWN else ""
    return f"{verdict} in {', '.join(where[:SHOWN])}{more}"
