"""What holds of every program, on small random ones."""

from __future__ import annotations

import itertools

import pytest
from disk_programs import program
from disk_scripts import on_disk
from test_further_programs import ROWS
from test_litmus import TABLE

from harness.disk import ALICE, FULL, MODELS, Disk, State, crash_points, crash_states
from harness.disk.state import canonical

SEEDS = range(60)
POWER = [name for name in MODELS if name != "proc"]


def brute_force(disk: Disk) -> set[State]:
    """Every subset of the pending updates that holds all that its members need, in every mixture of variants."""
    found = set()
    pending = disk.pending()
    for keep in itertools.product(*[range(-1, len(atom.variants)) for atom in pending]):
        chosen = {atom.number: variant for atom, variant in zip(pending, keep) if variant >= 0}
        there = disk.durable | disk.poisoned | chosen.keys()
        if any(not atom.needs <= there for atom in pending if atom.number in chosen):
            continue
        table = dict(disk.base)
        for atom in disk.atoms:
            if atom.number in disk.durable or atom.number in chosen:
                for effect in atom.variants[chosen.get(atom.number, 0)]:
                    effect.apply(table)
        found.add(canonical(table))
    return found


def after(seed: int, model: str, entries: int | None = None) -> Disk:
    journal = program(seed)
    return on_disk(model, journal, journal.entries[:entries])


@pytest.mark.parametrize("model", POWER)
def test_full_enumeration_finds_what_brute_force_finds(model: str) -> None:
    for seed in SEEDS:
        disk = after(seed, model)
        if len(disk.pending()) <= 7:
            assert set(crash_states(disk, FULL).states) == brute_force(disk), seed


@pytest.mark.parametrize("model", POWER)
def test_the_bound_finds_nothing_that_full_enumeration_does_not(model: str) -> None:
    for seed in SEEDS:
        disk = after(seed, model)
        assert set(crash_states(disk, ALICE).states) <= set(crash_states(disk, FULL).states), seed


def test_each_model_allows_what_those_before_it_allow() -> None:
    for seed in SEEDS:
        before: set[State] = set()
        for model in MODELS:
            states = set(crash_states(after(seed, model), FULL).states)
            assert before <= states, (seed, model)
            before = states


def test_the_models_are_nested_on_every_written_program() -> None:
    from disk_scripts import found

    programs = [(row[1].strip("`"), row[0].strip("`")) for row in ROWS.values()]
    programs += [(program, initial) for program, initial, *_ in TABLE.values()]
    for text, initial in programs:
        before: set[State] = set()
        for model in MODELS:
            states = set(found(model, text, initial).states)
            assert before <= states, (text, model)
            before = states


@pytest.mark.parametrize("model", MODELS)
def test_a_crash_at_the_crash_points_finds_what_a_crash_anywhere_finds(model: str) -> None:
    for seed in SEEDS:
        entries = program(seed).entries
        everywhere: set[State] = set()
        for n in range(len(entries) + 1):
            everywhere |= set(crash_states(after(seed, model, n), FULL).states)
        at_points: set[State] = set()
        for n in crash_points(entries, MODELS[model]):
            at_points |= set(crash_states(after(seed, model, n), FULL).states)
        assert at_points == everywhere, seed


def test_what_is_found_without_a_crash_in_between_may_always_be_found() -> None:
    for seed in SEEDS:
        final = program(seed).state()
        for model in MODELS:
            assert final in crash_states(after(seed, model), FULL).states, (seed, model)


def test_the_bound_is_taken_where_there_is_too_much_and_it_is_said() -> None:
    journal = program(3, length=30)
    disk = on_disk("split", journal, journal.entries)
    assert crash_states(disk, bound=10).how == ALICE
    assert crash_states(on_disk("ext4", journal, journal.entries[:3])).how == FULL


def test_a_state_is_the_same_in_every_run() -> None:
    states = crash_states(after(5, "weak")).states
    assert [s.digest for s in states] == sorted(s.digest for s in states)
    assert states == crash_states(after(5, "weak")).states
