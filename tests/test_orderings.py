"""The six orders of marker write, state publish and rename: read off the events, and through the command."""

from __future__ import annotations

import json

import pytest
from commanding import Command

from harness.conformance.orderings import ALL, SAFE, orders_in
from harness.contract.events import FINALISE, FINISHED, MARKER, RUN, STATE, Event
from harness.trace import Operation


def events(*kinds: tuple[str, str]) -> list[Event]:
    return [Event(kind, job, Operation("step")) for kind, job in kinds]


def test_the_safe_order() -> None:
    seen = events((STATE, "a"), (RUN, "a"), (MARKER, "a"), (FINISHED, "a"), (STATE, "a"), (FINALISE, ""))
    assert orders_in(seen) == {"a": SAFE}


def test_states_before_the_job_runs_do_not_count() -> None:
    seen = events((STATE, "a"), (STATE, "a"), (RUN, "a"), (FINALISE, ""), (MARKER, "a"), (STATE, "a"))
    assert orders_in(seen) == {"a": ("rename", "marker", "publish")}


def test_only_the_last_attempt_counts() -> None:
    first = [(RUN, "a"), (STATE, "a")]
    seen = events(*first, (RUN, "a"), (MARKER, "a"), (STATE, "a"), (FINALISE, ""))
    assert orders_in(seen) == {"a": SAFE}


def test_a_marker_that_never_comes_is_last() -> None:
    assert orders_in(events((RUN, "a"), (STATE, "a"), (FINALISE, ""))) == {"a": ("publish", "rename", "marker")}


def test_each_job_has_an_order_of_its_own() -> None:
    seen = events((RUN, "a"), (RUN, "b"), (MARKER, "a"), (STATE, "b"), (STATE, "a"), (MARKER, "b"), (FINALISE, ""))
    assert orders_in(seen) == {"a": SAFE, "b": ("publish", "marker", "rename")}


def test_without_a_rename_there_is_no_order() -> None:
    assert orders_in(events((RUN, "a"), (MARKER, "a"), (STATE, "a"))) == {}


def test_there_are_six_and_one_is_safe() -> None:
    assert len(set(ALL)) == 6
    assert SAFE in ALL


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def reached(command: Command, *arguments: str) -> dict[str, dict[str, object]]:
    said = json.loads(command("orderings", *arguments, "--format", "json").out)
    return {"-".join(each["order"]): each for each in said["orders"]}


def test_the_reference_loader_reaches_only_the_safe_order(loadloom: Command) -> None:
    ran = loadloom("orderings", "refimpl")
    assert ran.code == 0
    rows = {line.split()[0]: line for line in ran.lines[1:7]}
    assert "  yes  " in rows.pop("marker-publish-rename")
    assert len(rows) == 5
    assert all("no, within the bounds" in row and row.endswith(" 0") for row in rows.values())
    assert ran.lines[-1].startswith("refimpl 0.1.0, scenario shared-wakeup: BOUNDED: reached: marker-publish-rename (")


def test_publishing_first_reaches_unsafe_orders_each_with_a_token_that_replays(loadloom: Command) -> None:
    orders = reached(loadloom, "refimpl:state-before-marker", "--max-executions", "40")
    unsafe = {name: each for name, each in orders.items() if each["reached"] and not each["safe"]}
    assert set(unsafe) == {"publish-marker-rename", "publish-rename-marker"}
    for name, each in unsafe.items():
        again = loadloom("replay", str(each["token"]))
        assert again.code == 1
        assert f"  order of {each['job']!r}: {name} (unsafe)" in again.lines


def test_an_unsafe_order_exits_1_and_names_the_command(loadloom: Command) -> None:
    ran = loadloom("orderings", "refimpl:state-before-marker", "--max-executions", "40")
    assert ran.code == 1
    commands = [line for line in ran.lines if ": loadloom replay refimpl:state-before-marker/shared-wakeup/1." in line]
    assert len(commands) == 2
    assert "BROKEN: unsafe orders reached: publish-marker-rename, publish-rename-marker" in ran.lines[-1]


def test_a_search_that_was_cut_short_does_not_say_no(loadloom: Command) -> None:
    ran = loadloom("orderings", "refimpl", "one-job", "--max-executions", "2")
    assert ran.code == 3
    assert "no, within the bounds" not in ran.out
    assert "INCONCLUSIVE: stopped after 2 executions (max_executions=2)" in ran.lines


def test_the_single_threaded_path_has_the_safe_order_too(loadloom: Command) -> None:
    orders = reached(loadloom, "refimpl", "single-thread")
    assert [name for name, each in orders.items() if each["reached"]] == ["marker-publish-rename"]
