"""The released dlt loader, unchanged, under control: which rules hold depends on the release.

Where nothing raises, 1.25 to 1.27.2 publish a job's state before its marker and its finish time (dlt-hub/dlt#3849);
1.28 turned that round.
Skipped only where dlt is not installed; with LOADLOOM_REQUIRE_DLT=1 that is a failure.
"""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import version

import pytest
from bounds import bounded, broken, holding, replayed

from harness.conformance.scenario import find
from harness.conformance.verify import session, token_of, verify
from harness.search import Fixed, Random

if importlib.util.find_spec("dlt") is None and os.environ.get("LOADLOOM_REQUIRE_DLT") != "1":
    pytest.skip("dlt is not installed: pip install 'loadloom[dlt]'", allow_module_level=True)

from harness.conformance.adapters.dlt import Dlt

VERSION = Dlt().version
FIXED = tuple(map(int, VERSION.split(".")[:2])) >= (1, 28)
# late needs somebody to rename the package meanwhile: not with one thread, and in "retried", where no wait may expire
# early, the loader is not woken before the marker is written
LATE = {"one-job", "shared-wakeup", "terminal-failure"}


def expected(scenario: str) -> set[str]:
    if FIXED:
        return set()
    # its pool waits two seconds for its workers: a callback that is still on its way then comes after the end
    late = {"C4", "run", *(["C10"] if scenario == "shared-wakeup" else [])}
    return {"C1", "C3", *(late if scenario in LATE else ())}


def test_the_release_under_test_is_the_one_that_is_installed():
    assert version("dlt") == VERSION


@pytest.mark.parametrize("scenario", ["one-job", "retried", "shared-wakeup", "single-thread", "terminal-failure"])
def test_rules_broken_are_those_that_this_release_is_known_to_break(scenario):
    report = bounded("dlt", scenario, 1)
    assert broken(report) == expected(scenario)
    assert holding(report) == {*find(scenario).rules, "run"} - expected(scenario)


BROKEN_BY_FAULTS = {
    "client-raises-constructor-transient": {"C6"},
    "client-raises-run-interrupt": {"C6"},
    "client-raises-leave-transient": {"C10"},
    "callback-raises-callback-error": {"C1", "C3", "C7", "C11"},
    "double-failure-run-error": {"C3", "C7", "C8", "C11"},
    "raise-on-failed": {"C12"},
    "client-raises-run-transient": set(),
    "client-raises-enter-terminal": set(),
}
"""Of 1.31.0; each is reproduced without loadloom by a script of `dlt_scripts`."""

if VERSION == "1.31.0":

    @pytest.mark.parametrize("scenario", BROKEN_BY_FAULTS)
    def test_rules_broken_where_something_raises_are_those_of_the_document(scenario):
        report = verify(Dlt(), find(scenario), max_executions=60)
        assert broken(report) - {"run"} == BROKEN_BY_FAULTS[scenario]


if FIXED:

    def test_default_schedule_of_a_fixed_release_is_the_same_in_another_process():
        with session(Dlt(), find("shared-wakeup")) as ready:
            token = token_of("dlt", ready.scenario, (), ready.runner.run(Fixed(())))
        assert replayed(token) == []  # another trace than the token's would be refused

else:

    def test_late_marker_is_found_by_search_and_not_by_the_default_schedule():
        [late] = [rule for rule in bounded("dlt", "shared-wakeup", 1).rules if rule.rule == "C4"]
        finding = late.findings[0]
        assert finding.found_in > 1
        assert finding.execution.preemptions() == 1
        assert "late marker: replace of normalized/1.0/.pending_transitions/" in finding.failure.error

    def test_late_marker_loses_the_error_of_the_worker_that_writes_it():
        [run] = [rule for rule in bounded("dlt", "shared-wakeup", 1).rules if rule.rule == "run"]
        assert "FileNotFoundError" in run.findings[0].failure.error
        assert "which nobody reads" in run.findings[0].failure.error

    @pytest.mark.parametrize("rule", ["C1", "C4"])
    def test_token_shows_the_same_failure_in_another_process(rule):
        report = bounded("dlt", "shared-wakeup", 1)
        [found] = [r for r in report.rules if r.rule == rule]
        finding = found.findings[0]
        assert f"{rule}: {finding.failure.error}" in replayed(report.token(finding))


def test_dlt_is_left_as_it_was():
    import dlt.common.storages.load_package as load_package
    from dlt.common.destination.client import RunnableLoadJob
    from dlt.common.runtime.run_context import RunContext

    bounded("dlt", "single-thread", 1)
    assert "_state" not in vars(RunnableLoadJob)
    assert "loadloom" not in repr(RunContext)
    assert load_package.uniq_id.__module__ == "dlt.common.utils"
    assert isinstance(load_package.WORKING_FOLDERS, set)


def test_every_job_is_committed_once_whatever_the_order():
    strategy = Random(25, seed=3)
    with session(Dlt(), find("retried")) as ready:
        while strategy.start():
            strategy.finish(ready.runner.run(strategy))
            assert ready.world.script.commits == {"a": 1, "b": 1}
            assert ready.world.script.attempts == {"a": 2, "b": 1}
