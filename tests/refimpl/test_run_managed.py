"""The order inside `run_managed`, and what comes of an error in it. Source: dlt-hub/dlt#3849, PR 3854."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest

from refimpl import hooks
from refimpl.errors import JobStateError, TerminalError
from refimpl.job import LoadJob, RunnableLoadJob
from refimpl.package import JobSpec

SPEC = JobSpec("a", "items", "none", "", 0, "")


class Event:
    """A done event that notes what could be seen of the job at its release."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.job: LoadJob | None = None

    def release(self) -> None:
        assert self.job is not None
        self.seen.append((self.job.state, self.job.metrics.finished_at is not None))


class Job(RunnableLoadJob):
    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__(SPEC)
        self.error = error

    def run(self) -> None:
        if self.error is not None:
            raise self.error


def client_that(
    *, on_make: BaseException | None = None, on_enter: BaseException | None = None, on_exit: BaseException | None = None
) -> Callable[[], contextlib.AbstractContextManager[None]]:
    @contextlib.contextmanager
    def connection() -> Iterator[None]:
        if on_enter is not None:
            raise on_enter
        try:
            yield
        finally:
            if on_exit is not None:
                raise on_exit

    def make() -> contextlib.AbstractContextManager[None]:
        if on_make is not None:
            raise on_make
        return connection()

    return make


class Ran:
    """One `run_managed` and all that could be seen of it."""

    def __init__(
        self,
        error: BaseException | None = None,
        callback_error: BaseException | None = None,
        client: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self.job = Job(error)
        self.event = Event()
        self.event.job = self.job
        self.markers: list[str] = []
        self.at_callback: tuple[str, object] | None = None
        self.raised: BaseException | None = None

        def callback(job: LoadJob, state: str) -> None:
            self.at_callback = (job.state, job.metrics.finished_at)
            self.markers.append(state)
            if callback_error is not None:
                raise callback_error

        try:
            self.job.run_managed(client, self.event, callback)
        except BaseException as raised:
            self.raised = raised


def test_success_ends_completed() -> None:
    assert Ran().job.state == "completed"


def test_success_calls_the_callback_once_with_completed() -> None:
    assert Ran().markers == ["completed"]


def test_state_is_running_and_finished_at_unset_while_the_callback_runs() -> None:
    assert Ran().at_callback == ("running", None)


def test_the_event_is_released_once_after_state_and_finished_at() -> None:
    assert Ran().event.seen == [("completed", True)]


def test_the_steps_come_in_the_order_of_the_contract() -> None:
    names: list[str] = []

    def watch(name: str, subject: object) -> None:
        names.append(name)

    hooks.attach(watch)
    try:
        Ran()
    finally:
        hooks.detach(watch)
    assert names == ["job.start", "job.run", "job.marker", "job.finished", "job.publish", "job.release"]


def test_state_is_not_published_while_the_callback_runs_on_a_real_thread() -> None:
    entered, leave = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=10)
    job = Job()

    def callback(job: LoadJob, state: str) -> None:
        entered.wait()
        leave.wait()

    event = threading.Semaphore(0)
    worker = threading.Thread(target=job.run_managed, args=(contextlib.nullcontext, event, callback))
    worker.start()
    entered.wait()
    seen_in_callback = (job.state, event.acquire(blocking=False))
    leave.wait()
    worker.join()
    assert seen_in_callback == ("running", False)


@pytest.mark.parametrize("error", [TerminalError("bad data"), AssertionError("cannot be")])
def test_terminal_error_ends_failed(error: Exception) -> None:
    assert Ran(error).job.state == "failed"


def test_terminal_error_calls_the_callback_with_failed() -> None:
    assert Ran(TerminalError("bad data")).markers == ["failed"]


def test_terminal_error_is_the_exception() -> None:
    error = TerminalError("bad data")
    assert Ran(error).job.exception is error


def test_terminal_error_is_not_raised() -> None:
    assert Ran(TerminalError("bad data")).raised is None


def test_failed_message_has_the_traceback() -> None:
    message = Ran(TerminalError("bad data")).job.failed_message
    assert message is not None
    assert "Traceback" in message
    assert "bad data" in message


def test_other_errors_end_in_retry() -> None:
    assert Ran(OSError("down")).job.state == "retry"


def test_retry_leaves_no_marker() -> None:
    assert Ran(OSError("down")).markers == []


def test_retry_leaves_finished_at_unset_and_releases() -> None:
    assert Ran(OSError("down")).event.seen == [("retry", False)]


def test_callback_error_ends_failed_finished_and_released() -> None:
    assert Ran(callback_error=OSError("disk full")).event.seen == [("failed", True)]


def test_callback_error_is_raised() -> None:
    error = OSError("disk full")
    assert Ran(callback_error=error).raised is error


def test_callback_error_is_the_exception() -> None:
    error = OSError("disk full")
    assert Ran(callback_error=error).job.exception is error


def test_callback_is_not_called_again_after_it_raised() -> None:
    assert Ran(callback_error=OSError("disk full")).markers == ["completed"]


def test_double_failure_keeps_the_destinations_error() -> None:
    error = TerminalError("bad data")
    assert Ran(error, OSError("disk full")).job.exception is error


def test_double_failure_raises_the_destinations_error() -> None:
    error = TerminalError("bad data")
    assert Ran(error, OSError("disk full")).raised is error


def test_double_failure_chains_the_callbacks_error() -> None:
    later = OSError("disk full")
    raised = Ran(TerminalError("bad data"), later).raised
    assert raised is not None
    assert raised.__context__ is later


def test_double_failure_keeps_the_chain_that_was_there() -> None:
    error = TerminalError("bad data")
    error.__cause__ = ValueError("why")
    ran = Ran(error, OSError("disk full"))
    assert ran.raised is not None
    shown = "".join(traceback.format_exception(type(ran.raised), ran.raised, None))
    assert shown.index("disk full") < shown.index("why") < shown.index("bad data")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_interrupt_is_raised_after_the_job_is_published(error: BaseException) -> None:
    ran = Ran(error)
    assert (ran.raised, ran.event.seen) == (error, [("retry", False)])


def test_interrupt_in_the_callback_ends_failed_and_is_raised() -> None:
    error = KeyboardInterrupt()
    ran = Ran(callback_error=error)
    assert (ran.raised, ran.event.seen) == (error, [("failed", True)])


@pytest.mark.parametrize("where", ["on_make", "on_enter"])
def test_connection_that_fails_to_open_ends_in_retry(where: str) -> None:
    ran = Ran(client=client_that(**{where: OSError("no route")}))
    assert ran.event.seen == [("retry", False)]


@pytest.mark.parametrize("where", ["on_make", "on_enter"])
def test_connection_that_fails_terminally_ends_failed(where: str) -> None:
    ran = Ran(client=client_that(**{where: TerminalError("wrong password")}))
    assert ran.markers == ["failed"]


def test_connection_that_fails_to_close_after_the_commit_is_no_reason_to_load_again() -> None:
    assert Ran(client=client_that(on_exit=OSError("reset"))).job.state == "completed"


def test_connection_that_fails_to_close_is_remembered() -> None:
    error = OSError("reset")
    assert Ran(client=client_that(on_exit=error)).job.close_error is error


def test_connection_that_fails_to_close_does_not_replace_the_first_error() -> None:
    error = TerminalError("bad data")
    assert Ran(error, client=client_that(on_exit=OSError("reset"))).job.exception is error


def test_connection_that_swallows_the_error_does_not_make_it_a_success() -> None:
    @contextlib.contextmanager
    def swallowing() -> Iterator[None]:
        with contextlib.suppress(Exception):
            yield

    assert Ran(TerminalError("bad data"), client=swallowing).job.state == "failed"


def test_release_of_an_event_that_is_set_does_not_raise() -> None:
    event = threading.BoundedSemaphore(1)
    Job().run_managed(contextlib.nullcontext, event, lambda job, state: None)


def test_a_job_runs_only_once() -> None:
    ran = Ran()
    with pytest.raises(JobStateError):
        ran.job.run_managed(contextlib.nullcontext, ran.event, lambda job, state: None)


def test_final_state_must_be_terminal() -> None:
    with pytest.raises(JobStateError):
        LoadJob(SPEC).set_final_state("retry")


def test_final_state_cannot_be_changed() -> None:
    job = LoadJob(SPEC)
    job.set_final_state("completed")
    with pytest.raises(JobStateError):
        job.set_final_state("failed")


def test_final_state_keeps_the_message() -> None:
    job = LoadJob(SPEC)
    job.set_final_state("failed", "as it was")
    assert job.failed_message == "as it was"


def test_failure_to_record_in_the_ledger_is_raised() -> None:
    class Unrecorded(Job):
        def record_failure(self, message: str) -> None:
            raise OSError("ledger down")

    job, error = Unrecorded(TerminalError("bad data")), None
    try:
        job.run_managed(contextlib.nullcontext, threading.Semaphore(0), lambda job, state: None)
    except TerminalError as raised:
        error = raised
    assert isinstance(error and error.__context__, OSError)
