"""Chance that steers a program is noticed; pinned, it is the same in every execution."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import threading

import pytest

import harness


def steered(draw):
    """Two threads, of which one does what chance says."""

    def program():
        def act():
            harness.step(("x", "y")[draw() % 2])

        threads = [threading.Thread(target=act), threading.Thread(target=lambda: harness.step("x"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return program


def drawn(draw):
    """What `draw` gives in each execution of a program."""
    seen = []

    def program():
        threads = [threading.Thread(target=lambda: (harness.step("x"), mine.append(draw()))) for _ in range(2)]
        mine: list[object] = []
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.append(mine)

    harness.explore(program, pin=["random"])
    return seen


@pytest.mark.parametrize(
    "draw",
    [
        random.random,
        lambda: random.randrange(1000),
        lambda: random.sample(range(100), 3),
        lambda: secrets.token_hex(),
        lambda: os.urandom(4),
        lambda: random.SystemRandom().random(),
    ],
    ids=["random", "randrange", "sample", "secrets", "urandom", "SystemRandom"],
)
def test_pinned_numbers_are_the_same_in_every_order(draw):
    seen = drawn(draw)
    assert len(seen) >= 2
    assert len({tuple(sorted(map(str, mine))) for mine in seen}) == 1


def test_numbers_that_are_not_pinned_are_noticed_or_claim_nothing():
    chance = iter([0, 1] * 50)
    result = harness.explore(steered(lambda: next(chance)))
    assert str(result.verdict) == "INCONCLUSIVE"
    assert "the program did something else under the same choices" in result.reasons[0]


def test_pinned_the_program_can_be_proved():
    result = harness.explore(steered(lambda: random.getrandbits(1)), pin=["random"])
    assert str(result.verdict) in ("PROVED", "VACUOUS")


def test_chance_is_as_it_was_afterwards():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    harness.explore(steered(lambda: random.getrandbits(1)), pin=["random"])
    assert random.random() == expected


def test_a_pin_that_does_not_exist_is_refused():
    with pytest.raises(harness.UsageError, match="pin='clock'"):
        harness.explore(steered(int), pin=["clock"])


@pytest.mark.parametrize(("seed", "says"), [("", "PYTHONHASHSEED=0"), ("0", "PROVED"), ("5", "PROVED")])
def test_the_order_of_sets_is_pinned_when_the_process_starts(seed, says):
    code = (
        "import harness, threading\n"
        "def program():\n"
        "    threads = [threading.Thread(target=harness.step, args=('x',)) for _ in range(2)]\n"
        "    [t.start() for t in threads]; [t.join() for t in threads]\n"
        "try:\n    print(harness.explore(program, pin=['hash']).verdict)\n"
        "except harness.UsageError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    if not seed:
        del environment["PYTHONHASHSEED"]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert says in ran.stdout
