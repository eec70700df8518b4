"""Failing schedules are made small: fewest preemptions, then tasks, then steps, and still the same failure."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable

import pytest
import random_programs as rp
from published import Program, together
from sampled import window
from test_random_programs import FAMILIES, SEED

import harness
from harness import step
from harness.runtime import Execution, control
from harness.search import Bounded, Random, Replay
from harness.search.causality import Causality, few_preemptions
from harness.search.explore import explore
from harness.search.replay import Deviation, deviations
from harness.search.runner import Runner
from harness.search.shrink import SHRINK_RUNS, Seen, shrink
from harness.search.turns import Follow, Plan, Recorder, plan_of
from harness.trace import dependent

# -- known bugs, found in long schedules ---------------------------------------------------------------------


def noise(name: str) -> Callable[[], None]:
    """A task that has nothing to do with it."""

    def body() -> None:
        for _ in range(3):
            step(f"of {name} alone")
            step("noise")

    return body


def lost_update() -> None:
    memory = [0]

    def add() -> None:
        step("x", "read")
        seen = memory[0]
        step("x")
        memory[0] = seen + 1

    together(noise("a"), add, add, noise("b"))
    assert memory[0] == 2


def lock_order_inversion() -> None:
    one, other = threading.Lock(), threading.Lock()

    def forwards() -> None:
        with one, other:
            step("x")

    def backwards() -> None:
        with other, one:
            step("x")

    together(noise("a"), forwards, backwards, noise("b"))


def check_then_act() -> None:
    stock = [1]

    def take() -> None:
        step("stock", "read")
        if stock[0]:
            step("stock")
            stock[0] -= 1
            assert stock[0] >= 0

    together(noise("a"), take, take, noise("b"))


def use_before_set() -> None:
    ready: list[int] = []

    def use() -> None:
        step("ready", "read")
        assert ready

    def make() -> None:
        step("ready")
        ready.append(1)

    together(noise("a"), make, use, noise("b"))


def held_twice() -> None:
    window(2, depth=3)()


BUGS = {
    use_before_set: 0,
    lost_update: 1,
    lock_order_inversion: 1,
    check_then_act: 1,
    held_twice: 2,
}
"""How many preemptions each needs."""


@pytest.mark.parametrize("strategy", ["random", "pct", "surw", "dpor", "bounded"])
@pytest.mark.parametrize("bug", BUGS)
def test_a_known_bug_is_shown_with_as_few_preemptions_as_it_needs(bug: Program, strategy: str) -> None:
    result = harness.explore(bug, strategy=strategy, max_executions=5000)
    assert result.failure is not None
    assert result.failure.finding.execution.preemptions() == BUGS[bug]


@pytest.mark.parametrize("bug", [bug for bug, needed in BUGS.items() if needed])
def test_no_schedule_with_fewer_preemptions_shows_it(bug: Program) -> None:
    result = harness.explore(bug, strategy="bounded", preemptions=BUGS[bug] - 1)
    assert result.verdict is harness.Verdict.BOUNDED


def test_plain_exhaustive_search_shrinks_what_it_finds() -> None:
    result = harness.explore(held_twice, strategy="dfs")
    assert result.failure is not None
    assert result.failure.finding.execution.preemptions() == 2


def test_the_token_of_a_shrunk_schedule_fails_again() -> None:
    result = harness.explore(check_then_act, strategy="random")
    assert result.failure is not None
    again = harness.replay(check_then_act, result.failure.token)
    assert again.failure is not None
    assert again.failure.error == result.failure.error


def test_shrinking_twice_gives_the_same_token() -> None:
    tokens = {harness.explore(lost_update, strategy="random", seed=5).failure.token for _ in range(2)}  # type: ignore[union-attr]
    assert len(tokens) == 1


# -- what is made smaller ------------------------------------------------------------------------------------


def failing(program: Program, seen: Seen) -> tuple[tuple[Deviation, ...], int]:
    """The schedule of a random execution that shows something, out of those with the most preemptions; and how many."""
    found: list[tuple[int, tuple[Deviation, ...]]] = []
    with Runner(program) as runner:
        chance = Random(60)
        while chance.start():
            execution = runner.run(chance)
            if seen(execution) is not None:
                found.append((execution.preemptions(), deviations(execution.log, execution.widths)))
    most, schedule = max(found)
    return schedule, most


def shrunk(program: Program, seen: Seen) -> tuple[Execution, int]:
    """The execution of the shrunk schedule, and how many preemptions there were before."""
    schedule, before = failing(program, seen)
    with Runner(program) as runner:
        execution = runner.run(Replay(shrink(runner, schedule, seen)))
    assert seen(execution) is not None
    return execution, before


def raised(execution: Execution) -> int | None:
    """The step at which an execution raises something."""
    return next((failure.step for failure in execution.failures if failure.kind == "exception"), None)


def test_tasks_that_have_no_part_in_it_do_not_run_before_it() -> None:
    execution, before = shrunk(check_then_act, raised)
    at = raised(execution)
    assert at is not None
    assert before > 1
    assert {s.task.key for s in execution.steps[: at + 1]} == {"0", "2", "3"}


def test_nothing_runs_before_it_that_need_not() -> None:
    execution, _ = shrunk(check_then_act, raised)
    # main; begin and look of one; begin, look, take and end of the other; then the one takes
    assert raised(execution) == 1 + 2 + 4


def test_preemptions_after_it_are_dropped() -> None:
    execution, _ = shrunk(use_before_set, raised)
    assert execution.preemptions() == 0


def test_an_early_time_out_that_is_not_needed_is_taken_back() -> None:
    def program() -> None:
        event = threading.Event()
        thread = threading.Thread(target=event.set)
        thread.start()
        event.wait(5)
        thread.join()
        assert event is None

    execution, _ = shrunk(program, raised)
    assert [s.outcome for s in execution.steps if s.kind == "wait"] == ["go"]


def test_a_data_choice_that_is_not_needed_is_taken_back() -> None:
    def program() -> None:
        execution = control.current()
        assert execution is not None
        needed, other = execution.choose("needed", ("no", "yes")), execution.choose("other", ("no", "yes"))
        taken.append((needed, other))
        assert not needed

    taken: list[tuple[int, int]] = []
    shrunk(program, raised)
    assert taken[-1] == (1, 0)


# -- still the same failure ----------------------------------------------------------------------------------


def test_the_same_line_fails_although_another_one_fails_with_fewer_preemptions() -> None:
    def program() -> None:
        memory = {"x": 0, "y": 0}

        def first() -> None:
            step("y")
            memory["y"] = 1
            step("y")
            memory["y"] = 2

        def second() -> None:
            step("y", "read")
            assert memory["y"] != 1, "in between"  # one preemption
            assert memory["y"] != 0, "too early"  # none

        together(first, second)

    seen = set()
    for seed in range(20):
        result = harness.explore(program, strategy="random", seed=seed)
        assert result.failure is not None
        seen.add(("in between" in result.failure.error, result.failure.finding.execution.preemptions()))
    assert seen == {(True, 1), (False, 0)}


def test_the_same_tasks_wait_for_the_same() -> None:
    def program() -> None:
        one, other, third = (threading.Lock() for _ in range(3))

        def body(first: threading.Lock, second: threading.Lock) -> Callable[[], None]:
            def run() -> None:
                with first, second:
                    step("x")

            return run

        together(body(one, other), body(other, one), body(other, third), body(third, one))

    def waits(execution: Execution) -> tuple[str, ...]:
        return tuple(failure.where for failure in execution.failures)

    with Runner(program) as runner:
        chance = Random(40)
        found = {}
        while chance.start():
            execution = runner.run(chance)
            if execution.failures:
                found[waits(execution)] = deviations(execution.log, execution.widths)
        assert len(found) > 3
        for wanted, schedule in found.items():
            smaller = shrink(runner, schedule, lambda run, w=wanted: len(run.steps) if waits(run) == w else None)
            assert waits(runner.run(Replay(smaller))) == wanted


def test_what_was_found_stays_found_although_another_order_blocks_outside_our_sight() -> None:
    held = [_thread.allocate_lock()]  # in a list: a real one, that nobody swaps for ours
    held[0].acquire()
    real = held[0]

    def program() -> None:
        memory = [0]

        def look() -> None:
            step("x", "read")
            if not memory[0]:
                real.acquire()  # for ever
            assert not memory[0]

        def write() -> None:
            step("x")
            memory[0] = 1

        together(look, write)

    with Runner(program, patience=0.4) as runner:
        found = explore(runner, Replay(((0, 1),)))  # the writer first
    assert found.verdict() is harness.Verdict.BROKEN
    assert [finding.schedule for finding in found.findings] == [((0, 1),)]


# -- commuting swaps -----------------------------------------------------------------------------------------


def one_by_one(plan: Plan, execution: Execution) -> Plan:
    """A plan with a turn for each step."""
    count: dict[str, int] = {}
    turns = []
    for taken in execution.steps:
        key = taken.task.key
        count[key] = count.get(key, 0) + 1
        turns.append((key, count[key]))
    return Plan(tuple(turns), plan.early, plan.data)


def swappable(execution: Execution) -> list[int]:
    """Places where two neighbours are independent."""
    pairs = enumerate(zip(execution.steps, execution.steps[1:]))
    return [
        n
        for n, (first, second) in pairs
        if first.task is not second.task
        and not dependent(first, second)
        and not first.forced
        and not second.forced
        and not (second.kind == "begin" and second.task.born == n)
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_two_independent_neighbours_can_be_swapped(family: str) -> None:
    swapped = 0
    for seed in range(SEED, SEED + 12):
        program = rp.Program(rp.generate(seed, FAMILIES[family], most=8))
        with Runner(program) as runner:
            chance = Random(1, seed)
            chance.start()
            recorder = Recorder(chance)
            execution = runner.run(recorder)
            outcome, trace = program.outcome(execution), rp.trace_of(execution)
            plan = one_by_one(plan_of(execution.steps, recorder.data), execution)
            for n in swappable(execution):
                turns = list(plan.turns)
                turns[n], turns[n + 1] = turns[n + 1], turns[n]
                again = runner.run(Follow(Plan(tuple(turns), plan.early, plan.data)))
                where = f"family {family}, seed {seed}, steps {n} and {n + 1}: {program.actions}"
                assert [s.task.key for s in again.steps] == [key for key, _ in turns], where
                assert (program.outcome(again), rp.trace_of(again)) == (outcome, trace), where
                swapped += 1
    assert swapped > 50


@pytest.mark.parametrize("family", FAMILIES)
def test_an_order_with_few_preemptions_is_the_same_trace(family: str) -> None:
    before = after = 0
    for seed in range(SEED, SEED + 12):
        program = rp.Program(rp.generate(seed, FAMILIES[family], most=8))
        with Runner(program) as runner:
            chance = Random(1, seed)
            chance.start()
            recorder = Recorder(chance)
            execution = runner.run(recorder)
            outcome, trace = program.outcome(execution), rp.trace_of(execution)
            before += execution.preemptions()
            plan = plan_of(execution.steps, recorder.data)
            order = Causality(execution)
            turns = tuple((order.tasks[task], until) for task, until in few_preemptions(order, order.whole))
            again = runner.run(Follow(Plan(turns, plan.early, plan.data)))
            assert (program.outcome(again), rp.trace_of(again)) == (outcome, trace), f"family {family}, seed {seed}"
            after += again.preemptions()
    assert after < before / 2


# -- against exhaustive search -------------------------------------------------------------------------------


def ends_in(program: rp.Program, outcome: object) -> Seen:
    return lambda run: len(run.steps) if program.outcome(run) == outcome else None


@pytest.mark.parametrize("family", ["memory", "locks", "other"])
def test_every_outcome_of_a_small_program_shrinks_to_the_fewest_preemptions(family: str) -> None:
    """Plain search over all schedules, the fewest preemptions first, says how many each outcome needs."""
    checked = 0
    for seed in range(SEED, SEED + 14):
        program = rp.Program(rp.generate(seed, FAMILIES[family], most=5))
        with Runner(program) as runner:
            found: dict[object, tuple[Deviation, ...]] = {}
            chance = Random(20, seed)
            while chance.start():
                execution = runner.run(chance)
                found[program.outcome(execution)] = deviations(execution.log, execution.widths)
            needed: dict[object, int] = {}
            search = Bounded(6, reduce=False)
            while search.start() and not found.keys() <= needed.keys():
                execution = runner.run(search)
                search.finish(execution)
                needed.setdefault(program.outcome(execution), execution.preemptions())
            for outcome, schedule in found.items():
                if not needed[outcome]:
                    continue

                smallest = runner.run(Replay(shrink(runner, schedule, ends_in(program, outcome))))
                assert smallest.preemptions() == needed[outcome], f"family {family}, seed {seed}: {program.actions}"
                checked += 1
    assert checked > 5


def test_no_more_runs_are_spent_than_allowed() -> None:
    program = rp.Program(rp.generate(112, FAMILIES["locks"], most=9))
    with Runner(program) as runner:
        chance = Random(1, 3)
        chance.start()
        execution = runner.run(chance)
        outcome, schedule = program.outcome(execution), deviations(execution.log, execution.widths)
        runs = 0

        def seen(run: Execution) -> int | None:
            nonlocal runs
            runs += 1
            return len(run.steps) if program.outcome(run) == outcome else None

        shrink(runner, schedule, seen)
    assert runs <= SHRINK_RUNS
