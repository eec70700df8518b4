"""``python -m harness.contract`` writes ``docs/contract.md`` to standard output."""

from __future__ import annotations

from .levels import LEVELS
from .rules import RULES


def document() -> str:
    """The contract for people."""
    origin = "Made by `python -m harness.contract` from `harness/contract/rules.py`; do not edit."
    lines = ["# The contract", "", origin, ""]
    names = {level.number: level.name for level in LEVELS}
    level = 0
    for rule in RULES.values():
        if rule.level != level:
            level = rule.level
            lines += [f"## Level {level}: {names[level]}", ""]
        lines += [f"### {rule.number} {rule.name}", "", rule.statement, "", f"*Why:* {rule.reason}", ""]
        lines += [f"*Source:* {rule.source}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(document(), end="")
