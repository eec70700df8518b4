"""`harness.explore(..., recover=...)`: what it finds, what it says, and that its tokens show it again."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import crash_programs as programs
import pytest

import harness
from harness import UsageError, Verdict

Make = Callable[..., "tuple[Callable[[], object], Callable[[], object]]"]


def explored(make: Make, root: Path, crash: str = "power", disk_model: str = "", **how: bool) -> harness.Result:
    program, recover = make(root, **how)
    return harness.explore(program, recover=recover, root=root, crash=crash, disk_model=disk_model)


RIGHT = [(programs.atomic_write, {}), (programs.write_ahead_log, {})]
WRONG = [
    (programs.atomic_write, {"sync": False}, "neither old nor new"),
    (programs.atomic_write, {"sync_folder": False}, "acknowledged, and yet 'old'"),
    (programs.write_ahead_log, {"synced_before_applied": False}, "half of a change"),
]


@pytest.mark.parametrize(("make", "how"), RIGHT)
@pytest.mark.parametrize("crash", ["process", "power"])
def test_a_right_program_passes(make: Make, how: dict[str, bool], crash: str, tmp_path: Path) -> None:
    result = explored(make, tmp_path, crash, **how)
    assert result.verdict is Verdict.PROVED
    assert result.crash is not None
    assert result.crash.recoveries == result.crash.states > 3


@pytest.mark.parametrize(("make", "how", "what"), WRONG)
def test_a_wrong_program_is_found_when_the_power_goes(
    make: Make, how: dict[str, bool], what: str, tmp_path: Path
) -> None:
    result = explored(make, tmp_path, **how)
    assert result.verdict is Verdict.BROKEN
    assert result.failure is not None
    assert what in result.failure.error


@pytest.mark.parametrize(("make", "how", "what"), WRONG)
def test_a_process_that_dies_loses_nothing_that_it_wrote(
    make: Make, how: dict[str, bool], what: str, tmp_path: Path
) -> None:
    assert explored(make, tmp_path, "process", **how).verdict is Verdict.PROVED


@pytest.mark.parametrize(("make", "how", "what"), WRONG)
def test_the_token_shows_it_again(make: Make, how: dict[str, bool], what: str, tmp_path: Path) -> None:
    failure = explored(make, tmp_path, **how).failure
    assert failure is not None
    program, recover = make(tmp_path, **how)
    again = harness.replay(program, failure.token, recover=recover, root=tmp_path)
    assert again.failure is not None
    assert again.failure.error == failure.error
    assert _body(again.failure.explain()) == _body(failure.explain())


def _body(text: str) -> list[str]:
    return [line for line in text.splitlines() if "found:" not in line]


def test_a_replace_survives_on_every_disk_that_replaces_at_once(tmp_path: Path) -> None:
    for model in ("ext4+da", "ext4", "dirseq", "weak", "dup"):
        assert explored(programs.atomic_write, tmp_path, disk_model=model).verdict is Verdict.PROVED, model
    assert explored(programs.atomic_write, tmp_path, disk_model="split").verdict is Verdict.BROKEN  # loses both


def test_a_log_that_is_synced_before_it_is_applied_survives_on_every_disk(tmp_path: Path) -> None:
    result = explored(programs.write_ahead_log, tmp_path, disk_model="all")
    assert result.verdict is Verdict.PROVED


def test_the_text_shows_the_way_to_the_crash_the_disk_and_the_recovery(tmp_path: Path) -> None:
    failure = explored(programs.atomic_write, tmp_path, sync=False).failure
    assert failure is not None
    text = failure.explain()
    found = [
        "the program, up to the crash:",
        "replace     config.tmp -> config",
        "the disk as it was found (power loss, disk model ext4: ext4 without auto_da_alloc, XFS):",
        "~ config (empty)   the process saw = new",
        "recovery:",
        "read file  config",
        "neither old nor new: ''",
        "replay:   harness.replay(program, ",
    ]
    places = [text.find(part) for part in found]
    assert -1 not in places, text
    assert places == sorted(places)


def test_what_lay_below_the_root_is_there_again_afterwards(tmp_path: Path) -> None:
    explored(programs.atomic_write, tmp_path, sync=False)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"config": "old"}


def test_a_finally_does_not_touch_the_disk_after_the_crash(tmp_path: Path) -> None:
    def program() -> None:
        try:
            with open(tmp_path / "a", "w") as file:
                file.write("buffered")
                harness.mark("crash here")
        finally:
            (tmp_path / "cleaned").touch()

    seen = set()

    def recover() -> None:
        seen.add((tuple(sorted(os.listdir(tmp_path))), harness.marks()))
        if harness.marks() and "cleaned" not in os.listdir(tmp_path):
            assert (tmp_path / "a").read_text() in ("", "buffered")

    result = harness.explore(program, recover=recover, root=tmp_path, crash="process")
    assert result.verdict is Verdict.PROVED
    assert (("a",), ("crash here",)) in seen  # neither flushed nor cleaned


def two_writers(root: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    """Each writes a file and acknowledges it; the second one's sync is of the wrong file."""

    def write(name: str, synced: str) -> None:
        fd = os.open(root / name, os.O_CREAT | os.O_WRONLY)
        os.write(fd, b"data")
        other = os.open(root / synced, os.O_RDONLY)
        os.fsync(other)
        harness.mark(name)

    def program() -> None:
        (root / "a").touch()
        threads = [threading.Thread(target=write, args=(name, "a")) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def recover() -> None:
        for name in harness.marks():
            assert (root / str(name)).exists(), f"{name} is lost"
            assert (root / str(name)).read_bytes() == b"data", f"{name} is torn"

    return program, recover


def test_one_token_holds_the_order_of_threads_and_the_crash(tmp_path: Path) -> None:
    result = explored(two_writers, tmp_path)
    assert result.failure is not None
    assert re.search(r"\.x\d+:ext4:[0-9a-f]{10}$", result.failure.token)
    program, recover = two_writers(tmp_path)
    again = harness.replay(program, result.failure.token, recover=recover, root=tmp_path)
    assert again.failure is not None
    assert again.failure.error == result.failure.error


def test_a_crash_inside_recovery_is_found_and_shown_again(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("good")

    def program() -> None:
        (tmp_path / "dirty").touch()

    def recover() -> None:
        if not (tmp_path / "dirty").exists():
            return
        if (tmp_path / "half").exists():
            raise AssertionError("recovery had begun, and cannot begin again")
        (tmp_path / "half").touch()
        os.unlink(tmp_path / "dirty")
        os.unlink(tmp_path / "half")

    alone = harness.explore(program, recover=recover, root=tmp_path, crash="process", crashes_in_recovery=0)
    assert alone.verdict is Verdict.BOUNDED
    assert alone.bounds == "at most 0 crashes in recovery"
    result = harness.explore(program, recover=recover, root=tmp_path, crash="process")
    assert result.failure is not None
    assert "cannot begin again" in result.failure.error
    assert result.failure.token.count(".x") == 2
    again = harness.replay(program, result.failure.token, recover=recover, root=tmp_path)
    assert again.failure is not None
    assert again.failure.explain().count("the disk as it was found") == 2


def test_a_program_that_writes_nothing_proves_nothing(tmp_path: Path) -> None:
    result = harness.explore(lambda: None, recover=lambda: None, root=tmp_path)
    assert result.verdict is Verdict.VACUOUS
    with pytest.raises(AssertionError, match="nothing below the root was changed"):
        result.raise_if_failed()


def test_a_change_past_our_sight_is_not_claimed_about(tmp_path: Path) -> None:
    import mmap

    (tmp_path / "a").write_bytes(b"before")

    def program() -> None:
        with open(tmp_path / "a", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            memory[:6] = b"after!"
        (tmp_path / "b").touch()

    result = harness.explore(program, recover=lambda: None, root=tmp_path)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "a holds after! and not before" in result.reasons[0]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"crash": "flood"}, "there are process, power"),
        ({"disk_model": "ntfs"}, "no disk model 'ntfs'; there are proc, ext4"),
        ({"crash": "process", "disk_model": "ext4"}, "a process that dies leaves what it wrote"),
        ({"root": None}, "recover= needs root="),
        ({"root": "/"}, "is in it; each execution empties it"),
        ({"root": "/nowhere/at/all"}, "no such directory"),
        ({"crashes_in_recovery": -1}, "give a number of crashes"),
    ],
)
def test_what_makes_no_sense_is_refused(how: dict[str, object], message: str, tmp_path: Path) -> None:
    arguments: dict[str, object] = {"root": tmp_path, "recover": lambda: None, **how}
    with pytest.raises(UsageError, match=re.escape(message)):
        harness.explore(lambda: None, **arguments)  # type: ignore[arg-type]


def test_a_token_with_a_crash_needs_what_recovers(tmp_path: Path) -> None:
    failure = explored(programs.atomic_write, tmp_path, sync=False).failure
    assert failure is not None
    program, _ = programs.atomic_write(tmp_path, sync=False)
    with pytest.raises(UsageError, match="say what recovers"):
        harness.replay(program, failure.token, root=tmp_path)


def test_a_token_that_fits_no_more_says_so(tmp_path: Path) -> None:
    failure = explored(programs.atomic_write, tmp_path, sync=False).failure
    assert failure is not None
    program, recover = programs.atomic_write(tmp_path, sync=True)
    with pytest.raises(harness.NondeterminismError, match="does not fit any more"):
        harness.replay(program, failure.token, recover=recover, root=tmp_path)


def test_the_same_search_says_the_same_twice(tmp_path: Path) -> None:
    first, second = (explored(two_writers, tmp_path) for _ in range(2))
    assert first.failure is not None
    assert second.failure is not None
    assert first.failure.token == second.failure.token
    assert str(first.crash) == str(second.crash)
