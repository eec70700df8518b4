"""``loadloom verify --report``: the three files, as the programs and people that read them see them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import msgspec
import pytest
from commanding import Command
from records import BROKEN, INCONCLUSIVE, NA, PROVED, finding, part, record

from harness.conformance.record import Doubt, Record
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.schema import schema

SCHEMA = Path(__file__).resolve().parents[1] / "docs" / "report.schema.json"


@pytest.fixture
def report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Of a broken loader, with a search that was not finished."""
    folder = tmp_path / "deep" / "report"
    ran = Command(capsys)(
        "verify", "refimpl:late-write", "one-job", "single-thread", "--max-executions", "20", "--report", str(folder)
    )
    assert ran.code == 1
    return folder


def test_schema_in_the_docs_is_what_the_module_prints():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(), "run: python -m harness.report.schema > docs/..."


def test_every_field_of_the_schema_is_described():
    bare = [
        f"{name}.{field}"
        for name, part in schema()["$defs"].items()
        for field, said in part.get("properties", {}).items()
        if not said.get("description")
    ]
    assert bare == []


def test_report_json_fits_its_schema(report: Path):
    jsonschema.validate(json.loads((report / "report.json").read_text()), schema())


@pytest.mark.parametrize("field", ["verdict", "findings", "certificate"])
def test_report_json_without_a_field_does_not_fit(report: Path, field: str):
    content = json.loads((report / "report.json").read_text())
    del content[field]
    with pytest.raises(jsonschema.ValidationError, match=field):
        jsonschema.validate(content, schema())


def test_report_json_is_what_format_json_prints(report: Path, capsys: pytest.CaptureFixture[str]):
    asked = ("verify", "refimpl:late-write", "one-job", "single-thread", "--max-executions", "20")
    assert Command(capsys)(*asked, "--format", "json").out == (report / "report.json").read_text()


def test_report_json_can_be_read_back(report: Path):
    read = msgspec.json.decode((report / "report.json").read_bytes(), type=Record)
    assert read.implementation.name == "refimpl:late-write"
    assert "C4/late file" in [finding.cause for finding in read.findings]
    assert all(finding.story[-1].endswith(finding.replay) for finding in read.findings)


def test_junit_counts_are_those_of_its_cases(report: Path):
    suites = ElementTree.parse(report / "junit.xml").getroot().findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["one-job", "single-thread"]
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(count, "")) == len([case for case in cases if case.find(tag) is not None])
    assert suites[0].get("failures") != "0"
    assert suites[1].get("failures") == suites[1].get("errors") == "0"


def test_junit_shows_the_story_of_what_broke(report: Path):
    failures = ElementTree.parse(report / "junit.xml").getroot().iter("failure")
    assert any("[C4] late file" in (failure.text or "") and "replay:" in (failure.text or "") for failure in failures)


def test_junit_names_doubt_an_error_and_what_does_not_apply_skipped():
    doubt = Doubt(INCONCLUSIVE, "no time", ["C2"])
    made = record(part("one", {"C1": PROVED, "C2": INCONCLUSIVE, "C3": NA}, doubts=(doubt,)), unfinished=("two",))
    root = ElementTree.fromstring(junit(made, {}).partition("?>")[2])
    of = {case.get("name"): case for case in root.iter("testcase")}
    assert list(of["C1 marker before state"]) == []
    assert of["C2 state before wake-up"][0].get("message") == "INCONCLUSIVE: no time"
    assert of["C3 finished before state"][0].tag == "skipped"
    assert of["finished"][0].tag == "error"


def test_junit_can_be_read_whatever_a_loader_says():
    made = record(part("one", {"C4": BROKEN}, finding(error="<\x1b[31m&\x00]]>\ud800")))
    root = ElementTree.fromstring(junit(made, {}).partition("?>")[2].encode("utf-8"))
    assert "<" in next(root.iter("failure")).get("message", "")


def test_junit_keeps_to_the_attributes_of_xunit2(report: Path):
    allowed = {
        "testsuites": {"name"},
        "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
        "testcase": {"classname", "name"},
        "property": {"name", "value"},
        "failure": {"message", "type"},
        "error": {"message", "type"},
        "properties": set(),
    }
    for element in ElementTree.parse(report / "junit.xml").getroot().iter():
        assert set(element.attrib) <= allowed[element.tag]


def test_markdown_names_level_matrix_findings_and_doubts(report: Path):
    text = (report / "report.md").read_text()
    assert text.startswith("# refimpl:late-write 0.1.0: BROKEN\n")
    assert "No level is reached; level 1 (ordering): " in text
    assert "| scenario | C1 | C2 | C3 | C4 | C5 |" in text
    assert "- cause: `C4/late file`" in text
    assert "- INCONCLUSIVE one-job: stopped after 20 executions" in text


def test_markdown_of_a_story_with_fences_stays_one_block():
    text = markdown(record(part("one", {"C4": BROKEN}, finding(story=("[C4] ``` |", "  ```")))))
    block = text[text.index("````text\n") :]
    assert block[len("````text\n") :].split("\n````\n")[0] == "[C4] ``` |\n  ```"


def test_a_file_in_the_place_of_the_folder_is_refused_before_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "taken").write_text("")
    ran = Command(capsys)("verify", "refimpl", "--report", str(tmp_path / "taken"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"loadloom: no report can be written to {tmp_path / 'taken'}: File exists\n"
