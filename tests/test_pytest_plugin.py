"""The pytest plugin, through what `pytest` prints."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import harness.api  # the plugin imports it late; what pytester starts in this process is to find it as it is

pytest_plugins = ["pytester"]

MINE = """
from harness import Scenario, succeeds

mine = Scenario("One job and an observer.", jobs=[succeeds("a")], observer=True{more})
"""

RACY = """
import threading

import harness
import pytest


def both(work):
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.interleavings
def test_lost_update():
    box = {"n": 0}

    def add():
        seen = box["n"]
        harness.step("n", "write")
        box["n"] = seen + 1

    both(add)
    assert box["n"] == 2


@pytest.mark.interleavings
@pytest.mark.parametrize("times", [1, 2])
def test_locked(times):
    box = {"n": 0}
    lock = threading.Lock()

    def add():
        for _ in range(times):
            with lock:
                box["n"] += 1

    both(add)
    assert box["n"] == 2 * times
"""


@pytest.fixture
def scenarios(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a scenario and other things in a folder of that name."""
    folder = pytester.mkdir("scenarios")
    (folder / "mine.py").write_text(MINE.format(more=""))
    (folder / "other.py").write_text("raise RuntimeError('not a scenario: must not be imported')\n")
    (folder / "_helper.py").write_text("raise RuntimeError('must not be imported')\n")
    return pytester


def test_the_plugin_costs_nothing_where_nobody_uses_it() -> None:
    code = (
        "import sys, threading; before = threading.Thread.start; import harness.pytest_plugin; "
        "assert threading.Thread.start is before; "
        "print([m for m in ('greenlet', 'rich', 'typer', 'harness.api', 'refimpl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_scenario_files_are_tests(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest("scenarios", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*scenarios/mine.py::mine[[]refimpl[]] PASSED*", "loadloom: 1 BOUNDED (* executions)"])


def test_other_folders_are_left_alone(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("stories")
    (folder / "mine.py").write_text(MINE.format(more=""))
    result = pytester.runpytest("stories")
    result.assert_outcomes()


def test_the_ini_option_names_other_places(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("stories")
    (folder / "mine.py").write_text(MINE.format(more=""))
    pytester.makeini("[pytest]\nloadloom_scenarios = stories\n")
    pytester.runpytest("--collect-only", "-q").stdout.fnmatch_lines(["stories/mine.py::mine[[]refimpl[]]"])


def test_implementations_are_sorted_and_each_once(scenarios: pytest.Pytester) -> None:
    names = ("refimpl:late-write", "refimpl", "refimpl:late-write", "refimpl:finalise-early")
    options = [word for name in names for word in ("--loadloom-impl", name)]
    result = scenarios.runpytest("scenarios", "--collect-only", "-q", *options)
    collected = [line for line in result.outlines if "::" in line]
    assert collected == [
        f"scenarios/mine.py::mine[{name}]" for name in ("refimpl", "refimpl:finalise-early", "refimpl:late-write")
    ]


def test_a_broken_rule_is_a_failure_with_the_explained_trace(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest("scenarios", "--loadloom-impl", "refimpl:finished-after-state")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "[[]C3[]] state seen before finished_at: refimpl:finished-after-state 0.1.0, scenario mine",
            "*worker loadloom_0*a._state = completed*C3 is broken here",
            "*expected: finished_at of 'a' before anyone can see 'completed'*",
            "*replay:   loadloom replay refimpl:finished-after-state/mine/1.*--scenario *mine.py",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_support.py*")


def test_what_allows_no_claim_is_an_error_and_never_a_skip(scenarios: pytest.Pytester) -> None:
    (scenarios.path / "scenarios" / "mine.py").write_text(MINE.format(more=", workers=0").replace("=True", "=False"))
    result = scenarios.runpytest("scenarios")
    result.assert_outcomes(errors=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["VACUOUS mine: no two tasks ever did dependent operations*", "loadloom: 1 VACUOUS*"])


def test_an_unknown_implementation_is_an_error_in_one_line(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest("scenarios", "--loadloom-impl", "nope")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["loadloom: no implementation 'nope'; there are refimpl,*"])


def test_a_scenario_that_cannot_be_read_is_an_error_in_one_line(scenarios: pytest.Pytester) -> None:
    (scenarios.path / "scenarios" / "mine.py").write_text("from harness import Scenario\nx = Scenario(\n")
    result = scenarios.runpytest("scenarios")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["loadloom: *mine.py:2: not a scenario:*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_token_runs_one_schedule_of_one_test(scenarios: pytest.Pytester) -> None:
    (scenarios.path / "scenarios" / "more.py").write_text(MINE.format(more=", timeouts=0"))
    found = scenarios.runpytest("scenarios/mine.py", "--loadloom-impl", "refimpl:finished-after-state")
    token = next(line for line in found.outlines if "replay:" in line).split()[3]
    result = scenarios.runpytest("scenarios", "--loadloom-replay", token)
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["*steps, ended: finished", "[[]C3[]] state seen before finished_at: *"])


def test_a_damaged_token_is_a_usage_error(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest("scenarios", "--loadloom-replay", "refimpl/mine/1.aaaaaa.2b.t1")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*loadloom: the token is damaged*"])


def test_repeated_scenarios_say_the_same(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest("scenarios", "--count", "2", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*mine[[]refimpl-1-2[]] PASSED*", "*mine[[]refimpl-2-2[]] PASSED*"])


def test_workers_of_xdist_find_the_same(scenarios: pytest.Pytester) -> None:
    result = scenarios.runpytest_subprocess(
        "scenarios", "-n", "2", "--loadloom-impl", "refimpl", "--loadloom-impl", "refimpl:finished-after-state"
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*C3 is broken here", "loadloom: 1 BOUNDED, 1 BROKEN (* executions)"])


# -- ordinary tests ------------------------------------------------------------------------------------------


def test_a_marked_test_runs_in_every_order(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RACY)
    result = pytester.runpytest("--strict-markers")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "[[]exception[]] AssertionError in test_lost_update (*.py): *",
            "*preempts *",
            "*replay:   pytest '*::test_lost_update' --loadloom-replay '*'",
            "loadloom: 1 BROKEN, 2 PROVED (* executions)",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling*")


def test_the_replay_line_of_a_marked_test_fails_again(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RACY)
    found = pytester.runpytest("-k", "lost")
    line = next(line for line in found.outlines if "replay:" in line)
    words = re.findall(r"'([^']*)'", line)
    result = pytester.runpytest(words[0], "--loadloom-replay", words[1])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["[[]exception[]] AssertionError in test_lost_update (*.py): *"])


def test_a_marked_test_can_be_repeated_and_spread(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RACY)
    result = pytester.runpytest_subprocess("-n", "2", "--count", "2")
    result.assert_outcomes(passed=4, failed=2)
    tokens = {line.split("--loadloom-replay ")[1] for line in result.outlines if "--loadloom-replay " in line}
    assert len(tokens) == 1


@pytest.mark.parametrize(
    ("mark", "arguments", "said"),
    [
        ("(max_executions=1)", "", "INCONCLUSIVE: stopped after 1 executions*"),
        ("", "tmp_path", "loadloom: interleavings: fixture 'tmp_path' is made once for the test*"),
        ("(preempts=2)", "", "loadloom: interleavings: takes the arguments accept, *"),
        ("(strategy='nope')", "", "loadloom: no strategy 'nope'; there are *"),
    ],
)
def test_what_cannot_be_claimed_of_a_marked_test_is_an_error(
    pytester: pytest.Pytester, mark: str, arguments: str, said: str
) -> None:
    text = RACY.replace("@pytest.mark.interleavings\ndef", f"@pytest.mark.interleavings{mark}\ndef")
    pytester.makepyfile(text.replace("test_lost_update()", f"test_lost_update({arguments})").replace("seen + 1", "2"))
    result = pytester.runpytest("-k", "lost")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_samples_of_a_marked_test_will_do_if_it_says_so(pytester: pytest.Pytester) -> None:
    mark = "(strategy='pct', depth=2, max_executions=9, accept='sampled')"
    pytester.makepyfile(RACY.replace("interleavings\n@", f"interleavings{mark}\n@"))
    result = pytester.runpytest("-k", "lock")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["loadloom: 2 BOUNDED (18 executions)"])


def test_a_test_with_nothing_to_interleave_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.interleavings\ndef test_alone():\n    assert True\n")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["VACUOUS: no two tasks did dependent operations*"])


def test_wider_fixtures_are_passed_on(pytester: pytest.Pytester) -> None:
    fixture = '@pytest.fixture(scope="module")\ndef start():\n    return 0\n\n\n@pytest.mark.interleavings\ndef'
    text = RACY.replace("@pytest.mark.interleavings\ndef", fixture).replace(
        "test_lost_update()", "test_lost_update(start)"
    )
    pytester.makepyfile(text.replace('box = {"n": 0}', 'box = {"n": start}', 1))
    pytester.runpytest("-k", "lost").assert_outcomes(failed=1)


def test_unittest_cases_are_refused_not_run_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import unittest\nimport pytest\n\nclass TestIt(unittest.TestCase):\n"
        "    @pytest.mark.interleavings\n    def test_it(self):\n        pass\n"
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["loadloom: interleavings: only plain test functions*"])


assert harness.api
