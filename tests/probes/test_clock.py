from __future__ import annotations

import time

from sameness import run, same

import harness


@same
def test_sleep_of_a_negative_time_raises():
    time.sleep(-1)


@same
def test_sleep_of_no_number_raises():
    time.sleep("long")


@same
def test_sleep_returns_nothing_and_takes_its_time():
    before = time.monotonic()
    return time.sleep(0.01), time.monotonic() - before >= 0.01


@same
def test_clocks_have_the_types_of_the_stdlib():
    names = ("time", "monotonic", "perf_counter", "process_time")
    return [(type(getattr(time, n)()), type(getattr(time, n + "_ns")())) for n in names]


@same
def test_time_never_goes_backwards_or_stands_still_in_a_thread():
    def work():
        seen = [time.monotonic() for _ in range(3)]
        time.sleep(0.001)
        seen.append(time.monotonic())
        return seen == sorted(set(seen))

    return run(work, work)


def test_a_long_sleep_costs_no_real_time():
    began = time.perf_counter()
    harness.explore(lambda: run(lambda: time.sleep(1e6), lambda: time.sleep(1e6)))
    assert time.perf_counter() - began < 10


def test_the_clock_is_the_same_in_every_execution():
    seen = set()
    harness.explore(lambda: seen.add((time.time(), time.monotonic())), strategy="random", max_executions=5)
    assert len(seen) == 1


def test_sleepers_wake_in_any_order():
    orders = set()

    def program():
        order = []

        def nap(seconds):
            time.sleep(seconds)
            harness.step("order")
            order.append(seconds)

        run(lambda: nap(1), lambda: nap(2))
        orders.add(tuple(order))

    harness.explore(program)
    assert orders == {(1, 2), (2, 1)}
