"""Hooks stand before each step, and each name that is called is in the list."""

from __future__ import annotations

from pathlib import Path

import pytest
from loading import LedgerMemory, fails, fails_times, package

from refimpl import hooks
from refimpl.errors import TerminalError
from refimpl.loader import Loader


def names_called(root: Path) -> set[str]:
    names: set[str] = set()

    def watch(name: str, subject: object) -> None:
        names.add(name)

    hooks.attach(watch)
    try:
        destination = LedgerMemory(a=fails(TerminalError("no")), b=fails_times(1, OSError("down")))
        destination.commit_faults["c"] = "unanswered"
        Loader(package(root, "a", "b", "c"), destination).run()
    finally:
        hooks.detach(watch)
    return names


def test_every_name_in_the_list_is_called_and_no_other(tmp_path: Path) -> None:
    assert names_called(tmp_path) == set(hooks.NAMES)


def test_list_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        hooks.NAMES["x"] = "y"  # type: ignore[index]


def test_nothing_is_active_after_detach() -> None:
    def hook(name: str, subject: object) -> None: ...

    hooks.attach(hook)
    hooks.detach(hook)
    assert hooks.active is None


def test_hooks_are_called_in_the_order_of_attaching() -> None:
    calls: list[int] = []

    def first(name: str, subject: object) -> None:
        calls.append(1)

    def second(name: str, subject: object) -> None:
        calls.append(2)

    hooks.attach(first)
    hooks.attach(second)
    try:
        assert hooks.active is not None
        hooks.active("job.run", None)
    finally:
        hooks.detach(first)
        hooks.detach(second)
    assert calls == [1, 2]


def test_detach_of_what_is_not_attached_raises() -> None:
    with pytest.raises(ValueError, match="not in list"):
        hooks.detach(lambda name, subject: None)
