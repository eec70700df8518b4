"""What there is: scenarios, rules, implementations, variants, each with a line about it."""

from __future__ import annotations

from ..contract import RULES
from . import discovery
from .registry import KNOWN
from .scenario import find

Entries = list[tuple[str, str]]


def entries(kind: str) -> Entries:
    """Name and line of everything of a kind: ``scenarios``, ``rules``, ``implementations`` or ``variants``."""
    if kind == "scenarios":
        return [(name, find(name).title) for name in discovery.scenarios()]
    if kind == "rules":
        return [(rule.number, f"{rule.name}: {rule.statement}") for rule in RULES.values()]
    if kind == "implementations":
        return [*KNOWN.items(), *((name, f"installed: {entry.value}") for name, entry in discovery.adapters().items())]
    from .adapters.refimpl import Refimpl, variants

    found = []
    for name, about in variants().items():
        variant = Refimpl(name)
        found.append((f"refimpl:{name}", f"breaks {variant.breaks} in {variant.scenario}: {about}"))
    return found
