"""A barrier of n parties."""

from __future__ import annotations

FILLING = 0
DRAINING = 1
RESETTING = -1
BROKEN = -2


class Barrier:
    """Operations: arrive (enabled unless draining), pass (enabled once all arrived, or broken), reset, abort.

    While the last to arrive runs the barrier's action everybody else has to wait.
    """

    __slots__ = ("acting", "count", "parties", "state")

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self.count = 0
        self.state = FILLING
        self.acting = False

    def at_rest(self) -> bool:
        """Whether nobody runs the action."""
        return not self.acting

    def open_for_arrivals(self) -> bool:
        """Whether a task may arrive: those of the last round have all left."""
        return not self.acting and self.state not in (DRAINING, RESETTING)

    def arrive(self) -> int:
        """One more is here; returns how many were here before. The last to arrive must `release`."""
        index = self.count
        self.count += 1
        return index

    def release(self) -> None:
        """Let everybody pass."""
        self.state = DRAINING

    def may_pass(self) -> bool:
        """Whether those who wait may go on."""
        return not self.acting and self.state != FILLING

    def gone(self) -> bool:
        """Whether those who waited find it broken, or are sent away."""
        return self.state in (BROKEN, RESETTING)

    def abort(self) -> None:
        """Break it."""
        self.state = BROKEN

    def leave(self) -> None:
        """One passes on (or gives up); the last one makes the barrier ready again."""
        self.count -= 1
        if self.count == 0 and self.state in (DRAINING, RESETTING):
            self.state = FILLING

    def reset(self) -> None:
        """Send those who wait away, then start afresh."""
        if self.count > 0:
            if self.state in (FILLING, BROKEN):
                self.state = RESETTING
        else:
            self.state = FILLING

    def broken(self) -> bool:
        """Whether it was aborted or timed out."""
        return self.state == BROKEN

    def waiting(self) -> int:
        """How many wait."""
        return self.count if self.state == FILLING else 0
