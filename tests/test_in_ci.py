"""``loadloom verify`` in CI: annotations, the job's summary, shards put together, budgets."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from commanding import Command
from records import BROKEN, INCONCLUSIVE, finding, part, record

from harness.conformance.baseline import compare, update
from harness.conformance.record import Access, Doubt, Step
from harness.report.github import MOST, SHOWN, annotated, append_summary

LATE = ("verify", "refimpl:late-write", "one-job", "--max-executions", "20")


@pytest.fixture
def loadloom(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return Command(capsys)


# -- annotations ------------------------------------------------------------------------------------------------


def at(site: str | None, number: int = 1) -> Step:
    touched = [Access("x", "w")]
    return Step(number=number, task="t", operation="write", what="x", accesses=touched, preempts=False, site=site)


def broken_at(*sites: str | None, **more) -> list[str]:
    found = finding(**more)
    found.steps = [at(site, n) for n, site in enumerate(sites, 1)]
    found.step = len(sites)
    return annotated(record(part("one", {"C4": BROKEN}, found)), "/repo")


def test_a_finding_is_an_error_in_the_code_where_it_broke():
    (line,) = broken_at("/repo/src/load.py:3", "/repo/src/job.py:41")
    assert line.startswith("::error file=src/job.py,line=41,title=C4 quiet after finalise%3A mine 1.0::late marker: ")
    assert "%0Ascenario one; loadloom replay mine/one/" in line


def test_what_broke_outside_of_the_checkout_stands_at_the_last_step_in_it():
    (line,) = broken_at("/repo/src/load.py:3", "/usr/lib/python3/site-packages/dlt/load.py:9", None)
    assert "file=src/load.py,line=3," in line


def test_what_broke_in_an_installed_package_has_no_place():
    (line,) = broken_at("/repo/.venv/lib/site-packages/dlt/load.py:9")
    assert line.startswith("::error title=C4")


def test_annotations_are_escaped():
    (line,) = broken_at("/repo/a,b:c.py:1", error="50% off:\r\nnow, or never")
    assert line.startswith("::error file=a%2Cb%3Ac.py,line=1,title=")
    assert "::50%25 off:%0D%0Anow, or never%0A" in line
    assert "\n" not in line


def test_no_more_annotations_than_github_shows():
    parts = [part(f"s{n}", {"C4": BROKEN}, finding(f"C4/face {n}", f"s{n}")) for n in range(SHOWN + 3)]
    lines = annotated(record(*parts))
    assert len([line for line in lines if line.startswith("::error")]) == SHOWN
    assert lines[-1] == "::notice::3 more are in the summary of the job"


def test_doubts_are_warnings():
    doubt = Doubt(INCONCLUSIVE, "no time", ["C1"])
    assert annotated(record(part("one", {"C1": INCONCLUSIVE}, doubts=(doubt,)))) == [
        "::warning title=mine 1.0::INCONCLUSIVE one: no time"
    ]


def test_what_is_known_is_not_annotated_and_what_is_gone_is():
    old = record(part("one", {"C4": BROKEN}, finding("C4/late marker", "one"), finding("C4/gone", "one")))
    new = record(part("one", {"C4": BROKEN}, finding("C4/late marker", "one")))
    new.baseline = compare(new, update(None, old))
    assert annotated(new) == ["::error title=mine 1.0::C4/gone is in the baseline and is found no more"]


def test_github_prints_annotations_and_adds_to_the_summary(
    loadloom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    ran = loadloom(*LATE, "--github")
    assert ran.code == 1
    assert [line for line in ran.lines if line.startswith("::error ")]
    assert summary.read_text().startswith("before\n# refimpl:late-write 0.1.0: BROKEN\n")
    plain = loadloom(*LATE)
    assert "::error" not in plain.out


def test_json_stays_json(loadloom: Command):
    ran = loadloom(*LATE, "--github", "--format", "json")
    assert json.loads(ran.out)["verdict"] == "BROKEN"
    assert "::error " in ran.err


def test_a_summary_stays_below_the_limit(tmp_path: Path):
    path = tmp_path / "summary.md"
    path.write_text("x" * 1000)
    long = finding(story=tuple("é" * 1000 for _ in range(800)))
    append_summary(record(part("one", {"C4": BROKEN}, long)), str(path))
    assert MOST - 10 < path.stat().st_size <= MOST
    assert path.read_text().endswith("The whole is in report.md.\n")


def test_a_summary_that_cannot_be_written_is_one_line(loadloom: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")
    ran = loadloom(*LATE, "--github")
    assert ran.code == 2
    assert ran.err == "loadloom: the job's summary /nowhere/summary.md cannot be written: No such file or directory\n"


# -- shards -----------------------------------------------------------------------------------------------------

NAMES = ("one-job", "retried", "single-thread", "terminal-failure")


def test_merged_shards_say_what_the_whole_says(loadloom: Command):
    asked = ("verify", "refimpl:finished-after-state", *NAMES, "--max-executions", "4")
    whole = loadloom(*asked, "--format", "json")
    for shard in ("1/3", "2/3", "3/3"):
        loadloom(*asked, "--shard", shard, "--report", f"out/{shard[0]}")
    merged = loadloom("merge", "out/1", "out/2", "out/3/report.json", "--report", "out/all", "--format", "json")
    assert merged.code == whole.code == 1
    one, other = json.loads(whole.out), json.loads(merged.out)
    assert {each["cause"] for each in one["findings"]} == {each["cause"] for each in other["findings"]}
    for said in (one, other):
        for each in said["findings"]:
            each["also_in"].sort()
        del said["findings"][0]["story"]  # in which execution of how many
    assert one["scenarios"] == other["scenarios"]
    assert one["certificate"] == other["certificate"]
    assert Path("out/all/report.md").exists()


def test_merged_reports_can_be_held_against_a_baseline(loadloom: Command):
    loadloom(*LATE, "--report", "out")
    loadloom("baseline", "update", "known.json", "out")
    assert loadloom("merge", "out", "--baseline", "known.json").code == 0


def test_what_does_not_belong_together_is_not_merged(loadloom: Command):
    loadloom(*LATE, "--report", "a")
    loadloom("verify", "refimpl", "single-thread", "--report", "b")
    said = loadloom("merge", "a", "b")
    assert said.code == 2
    assert said.err == "loadloom: a is of refimpl:late-write 0.1.0, b of refimpl 0.1.0; they cannot be one report\n"
    assert "b is of scenario single-thread as another is" in loadloom("merge", "b", "b").err


def test_a_shard_with_nothing_in_it_is_refused(loadloom: Command):
    assert "there is nothing in it" in loadloom("verify", "refimpl", "one-job", "--shard", "2/2").err


# -- budgets ----------------------------------------------------------------------------------------------------


def test_a_time_for_all_scenarios_is_shared(loadloom: Command):
    ran = loadloom("verify", "refimpl", "one-job", "retried", "--within", "0", "--format", "json")
    said = json.loads(ran.out)
    assert ran.code == 3
    assert [each["executions"] for each in said["scenarios"]] == [0, 0]
    enough = loadloom("verify", "refimpl", "single-thread", "--within", "60")
    assert enough.code == 0


def test_an_old_finding_of_a_record_reads_back(loadloom: Command):
    loadloom(*LATE, "--report", "a")
    content = json.loads(Path("a/report.json").read_text())
    content["a field of a later loadloom"] = 1
    Path("a/report.json").write_text(json.dumps(content))
    assert loadloom("merge", "a").code == 1
    assert msgspec.json.decode(Path("a/report.json").read_bytes())["format"] == 1
