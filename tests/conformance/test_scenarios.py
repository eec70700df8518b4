"""Scenario files: read from a path, and refused in one line that says where."""

from __future__ import annotations

import pytest

from harness import Scenario, fails, retries, succeeds
from harness.conformance.scenario import available, find
from harness.errors import UsageError

HEAD = "from harness import Scenario, succeeds\n"


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "my_case.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", available())
def test_scenario_that_ships_with_loadloom_can_be_read(name):
    scenario = find(name)
    assert scenario.name == name
    assert scenario.title.endswith(".")
    assert scenario.source
    assert scenario.jobs


def test_scenario_names_are_file_names_with_dashes():
    assert {"one-job", "shared-wakeup", "terminal-failure", "retried", "single-thread"} <= set(available())


def test_file_outside_of_the_catalogue_is_a_scenario_too(written):
    path = written(HEAD + "case = Scenario('Mine.', jobs=[succeeds('x')])\n")
    assert find(str(path)).name == "my-case"
    assert find(str(path)).jobs == (succeeds("x"),)


def test_outcomes_of_jobs_are_data():
    assert succeeds("a").outcomes == ("success",)
    assert fails("a").outcomes == ("terminal",)
    assert retries("a", 2).outcomes == ("transient", "transient", "success")


def refusal(path) -> str:
    with pytest.raises(UsageError) as refused:
        find(str(path))
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_unknown_name_lists_the_known_ones():
    message = refusal("nonsense")
    assert message.startswith("no scenario 'nonsense'; there are ")
    assert "shared-wakeup" in message


def test_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "gone.py") == f"{tmp_path}/gone.py: no such scenario file"


def test_syntax_error_names_file_and_line(written):
    path = written(HEAD + "case = Scenario(\n")
    assert refusal(path).startswith(f"{path}:2: not a scenario: ")


def test_error_while_the_file_runs_names_the_line_in_it(written):
    path = written(HEAD + "\ncase = Scenario('Mine.', jobs=[succeeds(nobody)])\n")
    assert refusal(path) == f"{path}:3: not a scenario: NameError: name 'nobody' is not defined"


def test_module_that_is_missing_is_named(written):
    assert "ModuleNotFoundError: No module named 'no_such_thing'" in refusal(written("import no_such_thing\n"))


@pytest.mark.parametrize(("body", "count"), [("", 0), ("a = Scenario('A.', jobs=[succeeds('x')])\nb = Scenario("
                                                         "'B.', jobs=[succeeds('x')])\n", 2)])  # fmt: skip
def test_file_defines_exactly_one_scenario(written, body, count):
    path = written(HEAD + body)
    assert refusal(path) == f"{path}: a scenario file defines one Scenario or one family of them, this one {count}"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"jobs": []}, "a scenario needs jobs with different names"),
        ({"jobs": [succeeds("a"), fails("a")]}, "a scenario needs jobs with different names"),
        ({"jobs": [succeeds("a")], "rules": ("C1", "C99")}, "unknown rules: C99; known are C1, C2, C3, C4, C5, C6"),
    ],
)
def test_scenario_that_makes_no_sense_is_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Scenario("Wrong.", **arguments)


def test_reading_a_scenario_leaves_no_bytecode_behind(written):
    path = written(HEAD + "case = Scenario('Mine.', jobs=[succeeds('x')])\n")
    find(str(path))
    assert not (path.parent / "__pycache__").exists()
