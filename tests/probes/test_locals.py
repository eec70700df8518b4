from __future__ import annotations

import threading

from sameness import run, same

import harness


class Counted(threading.local):
    shared = "class"

    def __init__(self, start=0, *, step=1):
        self.count = start
        self.step = step

    def add(self):
        self.count += self.step
        return self.count


plain = threading.local()
plain.value = "outer"
counted = Counted(5, step=2)
counted.add()


@same
def test_each_thread_has_attributes_of_its_own():
    local = threading.local()
    local.x = "main"

    def work():
        fresh = hasattr(local, "x")
        local.x = threading.get_ident()
        harness.step("switch here")
        return fresh, local.x == threading.get_ident()

    return run(work, work), local.x


@same
def test_a_local_made_before_we_came_is_per_thread():
    def work():
        fresh = hasattr(plain, "value")
        plain.value = threading.get_ident()
        harness.step("switch here")
        return fresh, plain.value == threading.get_ident()

    return run(work, work), plain.value


@same
def test_a_subclass_made_before_we_came_is_set_up_in_each_thread():
    def work():
        first = counted.add()
        harness.step("switch here")
        return first, counted.add(), counted.shared

    return run(work, work), counted.count


@same
def test_a_subclass_made_now_is_set_up_in_each_thread():
    local = Counted(1, step=3)

    def work():
        harness.step("switch here")
        return local.add()

    return run(work, work), local.add()


@same
def test_arguments_need_an_init():
    threading.local(1)


@same
def test_a_missing_attribute_raises():
    threading.local().missing  # noqa: B018


@same
def test_an_attribute_can_be_deleted():
    local = threading.local()
    local.x = 1
    del local.x
    return hasattr(local, "x"), local.__dict__


@same
def test_its_dict_is_that_of_the_thread():
    local = threading.local()
    local.x = 1
    return local.__dict__, run(lambda: dict(local.__dict__))


@same
def test_its_dict_cannot_be_replaced():
    threading.local().__dict__ = {}


def test_a_subclass_made_before_we_came_is_untouched_by_an_exploration():
    def work():
        counted.count = -1

    def program():
        run(work, work)

    before = counted.count
    harness.explore(program)
    assert counted.count == before
    assert plain.value == "outer"


def test_no_task_sees_what_a_task_of_an_earlier_execution_left():
    seen = set()

    def work():
        seen.add(hasattr(plain, "left"))
        plain.left = True
        harness.step("one")

    harness.explore(lambda: run(work, work))
    assert seen == {False}
