"""Baselines: what is known passes, what is new or gone does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commanding import Command
from records import BROKEN, INCONCLUSIVE, PROVED, finding, part, record

from harness.conformance.baseline import Baseline, compare, dump, read_baseline, update
from harness.conformance.record import Doubt
from harness.errors import UsageError

LATE, EARLY = "C4/late marker", "C1/state seen before its marker"


def seen_in(*names: str, cause: str = LATE, doubts: tuple[Doubt, ...] = ()):
    return [part(name, {cause[:2]: BROKEN}, finding(cause, name), doubts=doubts) for name in names]


def budget(*rules: str, number: int = 40) -> Doubt:
    return Doubt(INCONCLUSIVE, f"stopped after {number} executions (max_executions={number})", list(rules))


def settled(count: int) -> Doubt:
    return Doubt(INCONCLUSIVE, f"stopped 500 executions after the last of {count} findings", ["C2"])


# -- comparing --------------------------------------------------------------------------------------------------


def test_what_the_baseline_has_is_known_and_passes():
    made = record(*seen_in("one", "two"))
    found = compare(made, update(None, made))
    assert (found.known, found.new, found.vanished, found.exit_code) == ([LATE], [], [], 0)


def test_another_cause_is_new_and_fails():
    base = update(None, record(*seen_in("one")))
    found = compare(record(*seen_in("one"), *seen_in("one", cause=EARLY)), base)
    assert (found.known, found.new, found.exit_code) == ([LATE], [EARLY], 1)


def test_a_known_cause_in_another_scenario_is_known():
    found = compare(record(*seen_in("one", "new")), update(None, record(*seen_in("one"))))
    assert (found.known, found.new, found.exit_code) == ([LATE], [], 0)


def test_a_cause_that_is_not_found_any_more_fails():
    found = compare(record(part("one", {"C4": PROVED})), update(None, record(*seen_in("one"))))
    assert (found.vanished, found.exit_code) == ([LATE], 1)


def test_a_cause_whose_scenarios_were_not_run_is_not_gone():
    found = compare(record(part("other", {"C4": PROVED})), update(None, record(*seen_in("one"))))
    assert (found.vanished, found.doubts, found.exit_code) == ([], [], 0)


def test_a_cause_that_a_budget_did_not_reach_is_a_doubt():
    made = record(part("one", {"C4": INCONCLUSIVE}, doubts=(budget("C4"),)))
    found = compare(made, update(None, record(*seen_in("one"))))
    assert found.vanished == []
    assert found.doubts[0] == f"INCONCLUSIVE {LATE} was not seen again within the budget"
    assert found.exit_code == 3


def test_a_doubt_that_the_baseline_has_is_accepted_whatever_its_numbers():
    base = update(None, record(*seen_in("one", doubts=(settled(1),))))
    found = compare(record(*seen_in("one", doubts=(settled(7),))), base)
    assert (found.doubts, found.exit_code) == ([], 0)
    assert found.accepted == ["INCONCLUSIVE one: stopped 500 executions after the last of 7 findings"]


@pytest.mark.parametrize("other", [budget("C2"), Doubt(INCONCLUSIVE, settled(1).reason, ["C2", "C3"])])
def test_another_reason_or_one_more_rule_in_doubt_is_not_accepted(other: Doubt):
    base = update(None, record(*seen_in("one", doubts=(settled(1),))))
    assert compare(record(*seen_in("one", doubts=(other,))), base).exit_code == 3


def test_new_wins_over_doubt():
    assert compare(record(*seen_in("one", doubts=(settled(1),))), update(None, record())).exit_code == 1


def test_interrupted_is_interrupted():
    made = record(*seen_in("one"), unfinished=("two",))
    assert compare(made, update(None, record(*seen_in("one")))).exit_code == 130


# -- updating ---------------------------------------------------------------------------------------------------


def test_an_update_keeps_notes_and_what_is_known_of_other_scenarios():
    old = update(None, record(*seen_in("one", "two"), *seen_in("three", cause=EARLY)))
    old.known[0].note = "waits for dlt-hub/dlt#1"
    new = update(old, record(*seen_in("one"), part("two", {"C4": PROVED})))
    assert [(known.cause, known.scenarios, known.note) for known in new.known] == [
        (EARLY, ["three"], "waits for dlt-hub/dlt#1"),
        (LATE, ["one"], ""),
    ]


def test_an_update_lets_go_of_what_is_gone():
    assert update(update(None, record(*seen_in("one"))), record(part("one", {"C4": PROVED}))).known == []


def test_no_baseline_from_an_interrupted_verification():
    with pytest.raises(UsageError, match="interrupted"):
        update(None, record(unfinished=("one",)))


# -- the file and the commands ----------------------------------------------------------------------------------

ASKED = ("verify", "refimpl:late-write", "one-job", "--max-executions", "20")


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_what_a_report_found_is_accepted_from_then_on(loadloom: Command):
    assert loadloom(*ASKED, "--report", "out").code == 1
    made = loadloom("baseline", "update", "known.json", "out")
    assert made.code == 0
    assert "+ C4/late file" in made.lines
    ran = loadloom(*ASKED, "--baseline", "known.json")
    assert ran.code == 0
    assert "known: C4/late file (in one-job)" in ran.lines
    assert "[C4] late file" not in ran.out
    assert "; of the baseline 3 known, 0 new, 0 gone (" in ran.lines[-1]


def test_a_finding_that_is_taken_out_is_new_and_explained(loadloom: Command):
    loadloom(*ASKED, "--report", "out")
    loadloom("baseline", "update", "known.json", "out/report.json")
    content = json.loads(Path("known.json").read_text())
    content["known"] = [known for known in content["known"] if known["cause"] != "C4/late file"]
    Path("known.json").write_text(json.dumps(content))
    ran = loadloom(*ASKED, "--baseline", "known.json", "--format", "json", "--report", "out")
    assert ran.code == 1
    assert json.loads(ran.out)["baseline"]["new"] == ["C4/late file"]
    assert "- NEW: C4/late file (in one-job)" in Path("out/report.md").read_text()
    assert "NEW: C4/late file (in one-job)" in (text := loadloom(*ASKED, "--baseline", "known.json").out)
    assert "[C4] late file" in text


def test_a_finding_that_is_gone_fails(loadloom: Command):
    base = update(None, record(*seen_in("single-thread")))
    base.implementation.name = "refimpl"
    Path("known.json").write_text(dump(base))
    ran = loadloom("verify", "refimpl", "single-thread", "--baseline", "known.json")
    assert ran.code == 1
    assert f"GONE: {LATE}; if it is mended, take it out: loadloom baseline update" in ran.lines


def test_a_baseline_reads_back_as_it_was_written(tmp_path: Path):
    made: Baseline = update(None, record(*seen_in("one", doubts=(settled(2),))))
    (tmp_path / "known.json").write_text(dump(made))
    assert read_baseline(tmp_path / "known.json", "mine") == made


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "known.json cannot be read: No such file or directory"),
        ("{", "known.json: not a baseline: "),
        ("[]", "known.json: not a baseline: "),
        ('{"format": 2}', "known.json: format 2 is not known; this loadloom reads a baseline of format 1"),
        ('{"format": 1, "implementation": {"name": "refimpl", "version": ""}, "known": [{"case": "x"}]}', "`case`"),
        ('{"format": 1, "implementation": {"name": "dlt", "version": ""}, "known": []}',
         "known.json is the baseline of dlt, not of refimpl"),
        ("\udcff", "known.json: not a baseline: "),
    ],
)  # fmt: skip
def test_a_baseline_that_is_none_is_refused(loadloom: Command, content: str | None, complaint: str):
    if content is not None:
        Path("known.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    ran = loadloom("verify", "refimpl", "--baseline", "known.json")
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


def test_a_report_that_is_none_is_refused(loadloom: Command):
    ran = loadloom("baseline", "update", "known.json", "nowhere")
    assert (ran.code, ran.err) == (2, "loadloom: nowhere cannot be read: No such file or directory\n")
    Path("not.json").write_text('{"format": 1, "command": "list"}')
    assert "not.json: not a report: " in loadloom("baseline", "update", "known.json", "not.json").err
