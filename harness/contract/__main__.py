"""``python -m harness.contract`` writes ``docs/contract.md`` to standard output."""

from __future__ import annotations

from .rules import RULES

LEVELS = {1: "ordering", 2: "liveness and errors", 3: "process crash", 4: "power loss", 5: "exactly once"}


def document() -> str:
    """The contract for people."""
    origin = "Made by `python -m harness.contract` from `harness/contract/rules.py`; do not edit."
    lines = ["# The contract", "", origin, ""]
    level = 0
    for rule in RULES.values():
        if rule.level != level:
            level = rule.level
            lines += [f"## Level {level}: {LEVELS[level]}", ""]
        lines += [f"### {rule.number} {rule.name}", "", rule.statement, "", f"*Why:* {rule.reason}", ""]
        lines += [f"*Source:* {rule.source}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(document(), end="")
