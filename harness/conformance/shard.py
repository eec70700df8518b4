"""Parts of a list, for jobs of a CI that share the work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from ..errors import UsageError

T = TypeVar("T")


def part_of(items: Sequence[T], shard: str) -> list[T]:
    """The ``I``-th of ``N`` parts, ``shard`` being ``I/N``; all for an empty one. Together the parts are the whole.

    Raises:
        UsageError: it is no shard, or there would be nothing in it.
    """
    if not shard:
        return list(items)
    form = re.fullmatch(r"(\d{1,4})/(\d{1,4})", shard)
    if form is None or not 1 <= int(form[1]) <= int(form[2]):
        raise UsageError(f"--shard {shard}: say I/N with I from 1 to N, as in --shard 2/4")
    found = list(items[int(form[1]) - 1 :: int(form[2])])
    if not found:
        raise UsageError(f"--shard {shard}: there is nothing in it; {len(items)} scenarios make {len(items)} shards")
    return found
