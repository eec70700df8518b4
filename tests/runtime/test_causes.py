"""What makes two failures one finding: nothing that moves with machine, Python or line."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import harness


def cause_of(program) -> str:
    failure = harness.explore(program, max_executions=1).failure
    assert failure is not None
    return failure.finding.failure.key


def test_an_exception_is_known_by_type_function_and_file():
    def program():
        raise ValueError("7 of 9")

    assert cause_of(program) == "exception/ValueError in program (test_causes.py)"


def test_the_insides_of_the_standard_library_are_left_out(tmp_path):
    def program():
        shutil.rmtree(tmp_path / "not there")

    assert cause_of(program) == "exception/FileNotFoundError in program (test_causes.py)"


def test_two_functions_of_a_name_in_two_files_are_two_causes(tmp_path):
    spaces = []
    for name in ("one.py", "two.py"):
        space: dict[str, object] = {}
        exec(compile("def run():\n    raise OSError", str(tmp_path / name), "exec"), space)
        spaces.append(space["run"])
    assert [cause_of(run)[-8:] for run in spaces] == ["(one.py)", "(two.py)"]


def test_an_exception_that_nobody_reads_is_known_by_its_place_too():
    def work():
        raise OSError("gone")

    def program():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(work)

    assert cause_of(program) == "exception/unread OSError in work (test_causes.py)"
