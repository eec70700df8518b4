from __future__ import annotations

import _thread
import threading
import time

import pytest
from sameness import agree, run, same

import harness


@same
def test_a_thread_runs_its_target_with_its_arguments():
    seen = []
    thread = threading.Thread(target=lambda *a, **k: seen.append((a, k)), args=(1, 2), kwargs={"x": 3})
    thread.start()
    thread.join()
    return seen


@same
def test_a_subclass_may_override_run():
    class Mine(threading.Thread):
        def __init__(self):
            super().__init__(name="mine")
            self.seen = None

        def run(self):
            self.seen = (threading.current_thread() is self, self.name)

    thread = Mine()
    thread.start()
    thread.join()
    return thread.seen


@same
def test_a_thread_starts_once():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    thread.start()


@same
def test_join_before_start_raises():
    threading.Thread(target=int).join()


@same
def test_a_thread_cannot_join_itself():
    def join():
        try:
            threading.current_thread().join()
        except RuntimeError:
            return "refused"

    return run(join)


@same
def test_start_without_init_raises():
    class Bad(threading.Thread):
        def __init__(self):
            pass

    Bad().start()


@same
def test_is_alive_between_start_and_end():
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    before = thread.is_alive()
    thread.start()
    during = thread.is_alive()
    gate.set()
    thread.join()
    return before, during, thread.is_alive()


@same
def test_join_gives_up_after_its_timeout():
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    seen = thread.join(0.01), thread.is_alive(), thread.join(0), thread.join(-1), thread.is_alive()
    gate.set()
    thread.join()
    return seen


@same
def test_names_are_given_and_changed():
    thread = threading.Thread(target=int, name="first")
    before = thread.name
    thread.name = "second"
    return before, thread.name


@same
def test_a_thread_without_a_name_is_named_for_its_target():
    def work():
        pass

    name = threading.Thread(target=work).name
    return name.startswith("Thread-"), name.endswith("(work)")


@same
def test_the_identity_is_known_once_it_is_started():
    thread = threading.Thread(target=int)
    before = thread.ident, thread.native_id
    thread.start()
    thread.join()
    return before, isinstance(thread.ident, int), isinstance(thread.native_id, int)


@same
def test_identities_differ_and_are_those_of_the_thread_object():
    threads = [threading.Thread(target=lambda: seen.append((threading.get_ident(), threading.get_native_id())))
               for _ in range(2)]  # fmt: skip
    seen: list = []
    barrier_free = [thread.start() for thread in threads]
    for thread in threads:
        thread.join()
    idents = {thread.ident for thread in threads}
    return len(idents) <= 2, {ident for ident, _ in seen} == idents, len(barrier_free)


@same
def test_the_main_thread_is_the_real_one():
    main = threading.main_thread()
    inside = run(lambda: threading.main_thread() is threading.current_thread())
    return threading.current_thread() is main, threading.get_ident() == main.ident, inside


@same
def test_enumerate_and_active_count_see_threads_come_and_go():
    gate = threading.Event()
    before = threading.active_count()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    during = threading.active_count() - before, thread in threading.enumerate()
    gate.set()
    thread.join()
    return during, threading.active_count() - before, thread in threading.enumerate()


@same
def test_a_thread_is_a_daemon_if_its_maker_is():
    def child():
        return threading.Thread(target=int).daemon

    seen = []
    daemon = threading.Thread(target=lambda: seen.append(child()), daemon=True)
    daemon.start()
    daemon.join()
    return seen, child(), threading.Thread(target=int, daemon=True).daemon


@same
def test_daemon_cannot_change_after_start():
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait)
    thread.start()
    try:
        thread.daemon = True
    except RuntimeError:
        return "refused"
    finally:
        gate.set()
        thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@same
def test_system_exit_ends_a_thread_quietly():
    def leave():
        raise SystemExit(3)

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    return thread.is_alive()


@same
def test_an_excepthook_of_the_program_gets_the_exception():
    seen = []
    before, threading.excepthook = threading.excepthook, lambda args: seen.append(
        (args.exc_type, str(args.exc_value), args.thread.name)
    )

    def fail():
        raise KeyError("k")

    try:
        thread = threading.Thread(target=fail, name="failing")
        thread.start()
        thread.join()
    finally:
        threading.excepthook = before
    return seen


@same
def test_threads_compare_and_hash_by_identity():
    one, other = threading.Thread(target=int), threading.Thread(target=int)
    return one == one, one == other, len({one, other, one})


@same
def test_a_raw_thread_runs_too():
    gate = threading.Event()
    ident = _thread.start_new_thread(gate.set, ())
    gate.wait()
    return isinstance(ident, int)


@same
def test_contextvars_start_empty_in_each_thread():
    import contextvars

    variable = contextvars.ContextVar("variable", default=0)

    def work():
        seen = variable.get()
        variable.set(seen + 1)
        time.sleep(0)
        return variable.get()

    variable.set(5)
    return run(work, work), variable.get()


def test_an_exception_in_a_thread_is_a_failure():
    def fail():
        raise KeyError("lost")

    def program():
        thread = threading.Thread(target=fail, name="failing")
        thread.start()
        thread.join()

    failure = harness.explore(program).failure
    assert failure.kind == "exception"
    assert failure.error == "failing: KeyError: 'lost'"


def test_a_daemon_that_never_ends_does_not_hold_the_program_up():
    def program():
        threading.Thread(target=threading.Event().wait, daemon=True).start()

    assert harness.explore(program).failure is None


def test_a_thread_that_never_ends_is_a_deadlock():
    def program():
        threading.Thread(target=threading.Event().wait).start()

    assert harness.explore(program).failure.kind == "deadlock"


def test_looking_at_the_list_of_threads_is_dependent_on_their_ends():
    seen = set()

    def program():
        thread = threading.Thread(target=lambda: harness.step("work"))
        thread.start()
        seen.add(threading.active_count())
        thread.join()

    harness.explore(program, strategy="dfs")
    assert len(seen) == 2


def test_a_set_of_threads_has_the_same_order_in_every_execution():
    def body():
        order = []
        threads = {threading.Thread(target=int, name=str(n)) for n in range(12)}
        for thread in threads:
            order.append(thread.name)
            thread.start()
        for thread in threads:
            thread.join()
        return order

    orders = []
    result = harness.explore(lambda: orders.append(body()), max_executions=20)
    assert len({tuple(order) for order in orders}) == 1
    assert not any("something else" in reason for reason in result.reasons)


def test_threads_that_outlive_the_exploration_look_ended():
    kept = []

    def program():
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        kept.append(thread)

    harness.explore(program)
    assert not kept[-1].is_alive()
    kept[-1].join()
    assert "stopped" in repr(kept[-1])


def test_results_agree_with_early_timeouts_where_nothing_depends_on_them():
    def body():
        thread = threading.Thread(target=int)
        thread.start()
        while thread.is_alive():
            thread.join(0.05)
        return thread.is_alive()

    agree(body, timeouts=2)
