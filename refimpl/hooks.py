"""Named places before each step of the contract, where a watcher can stand.

A hook is called with the name of the place and the job or load that is about to take the step. With nothing attached
a place costs one global read, which is why call sites spell out ``if hooks.active is not None`` themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

Hook = Callable[[str, object], None]

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "job.start": "the worker takes the job: ready becomes running",
        "job.run": "the destination loads the job's data",
        "job.commit": "the transaction with data and ledger row is committed",
        "job.read_back": "the ledger is asked what became of the job",
        "job.ledger": "a terminal failure goes into the destination's ledger",
        "job.marker": "the callback writes the marker",
        "job.finished": "finished_at is set",
        "job.publish": "the state is published",
        "job.release": "the done event is released",
        "loader.claim": "the package is claimed for this process",
        "loader.lease": "the load is taken over at the destination",
        "loader.recover": "the package is brought to a known state, its evidence read",
        "loader.prepare": "the destination is made ready for the package, its schema applied",
        "loader.start": "a job is handed to a worker",
        "loader.wait": "the loader waits on the done event",
        "loader.poll": "the state of a running job is read",
        "loader.complete": "a terminal job is taken over",
        "loader.retry": "a job is put back for another attempt",
        "loader.outcome": "the outcome of the whole package is written",
        "loader.load_record": "the destination records the load",
        "loader.clear": "the package's markers are removed",
        "loader.finalise": "the package is renamed from normalized to loaded",
        "loader.tidy": "what the ended package needs no more is deleted",
        "loader.quiesce": "the loader waits for the last workers to be through",
    }
)
"""Every name that a hook can be called with, and the step that it stands before."""

active: Hook | None = None
"""What call sites call; None when nothing is attached. Set by `attach` and `detach` only."""

_attached: tuple[Hook, ...] = ()


def attach(hook: Hook) -> None:
    """Call `hook(name, subject)` before every step from now on, after those attached earlier."""
    _set((*_attached, hook))


def detach(hook: Hook) -> None:
    """Undo one `attach` of `hook`. Raises ValueError when it is not attached."""
    remaining = list(_attached)
    remaining.remove(hook)
    _set(tuple(remaining))


def _set(attached: tuple[Hook, ...]) -> None:
    global active, _attached
    _attached = attached
    active = None if not attached else attached[0] if len(attached) == 1 else _call_all


def _call_all(name: str, subject: object) -> None:
    for hook in _attached:
        hook(name, subject)
