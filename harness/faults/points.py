"""Places of a user's own that may fail: `harness.fault_point`."""

from __future__ import annotations

import copy

from .budget import breaks


def fault_point(name: str, *errors: BaseException | type[BaseException]) -> None:
    """Say that one of these errors may be raised here. Outside an execution it does nothing.

    Under ``harness.explore(program, faults=1)`` not failing and each error are tried, in every order that matters; a
    place of one name fails at most once in an execution.

    Args:
        name: of the place; the same from run to run.
        errors: exceptions, or classes that can be made without arguments; each is raised as a fresh copy.

    Raises:
        BaseException: one of ``errors``, where that was chosen.
    """
    kinds = [_kind(error, n) for n, error in enumerate(errors, 1)]
    chosen = breaks(name, kinds)
    if chosen:
        error = errors[kinds.index(chosen)]
        raise error() if isinstance(error, type) else copy.copy(error)


def _kind(error: BaseException | type[BaseException], n: int) -> str:
    name = error.__name__ if isinstance(error, type) else f"{type(error).__name__}: {error}".rstrip(": ")
    return f"{n} {name}"
