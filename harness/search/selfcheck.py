"""A racy probe that must come out BROKEN before a clean result of this process is believed."""

from __future__ import annotations

import threading
from functools import cache

from ..probes.steps import step
from .dpor import Dpor
from .explore import explore
from .runner import Runner


def lost_update() -> None:
    """Two threads add one to a number, each by a read and a write; some order loses an update."""
    number = [0]

    def add() -> None:
        step("number", "read")
        seen = number[0]
        step("number", "write")
        number[0] = seen + 1

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number[0] == 2


@cache
def distrust(vehicle: str = "fiber") -> str:
    """Why no clean result may be believed in this process; empty where the probe fails as it must."""
    with Runner(lost_update, vehicle=vehicle) as runner:
        found = explore(runner, Dpor(), stop_at_first=True, confirm=True)
    if found.findings:
        return ""
    return (
        f"the self-check failed: a program with a lost update came out {found.verdict()} after {found.executions} "
        "executions, so threads are not under control in this process. Has something replaced parts of `threading`?"
    )
