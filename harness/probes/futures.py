"""`concurrent.futures.Future`, `wait` and `as_completed` under control."""

from __future__ import annotations

import concurrent.futures
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, InvalidStateError
from concurrent.futures import TimeoutError as FuturesTimeout
from concurrent.futures._base import DoneAndNotDoneFutures
from typing import Any

from .. import model
from ..errors import in_words
from ..model.future import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from ..runtime import control
from ..runtime.control import quiet
from ..runtime.execution import Execution
from ..runtime.sites import raised_in
from ..trace import READ, Failure, Operation
from .binding import Binding, Kind, deadline_of, steer, wait
from .patching import Patches
from .threads import HASH, stable_hash

_Future: Any = concurrent.futures.Future


def _model_of(real: Any) -> model.Future:
    found = model.Future()
    found.state = real._state
    return found


FUTURE = Kind("future", _model_of)


def unread(execution: Execution) -> dict[str, BaseException]:
    """Exceptions in futures that nobody read, by the future's name."""
    held: dict[str, BaseException] = execution.notes.setdefault("unread futures", {})
    return held


def report_unread(execution: Execution) -> None:
    """At the end of an execution: an exception in a future that nobody reads is a finding."""
    for name, error in unread(execution).items():
        text, place = in_words(error), raised_in(error)
        where = f"unread {type(error).__name__}" + (f" in {place}" if place else "")
        execution.failures.append(
            Failure("exception", f"{text} (in {name}, which nobody reads)", where=where,
                    step=len(execution.steps) - 1, exception=error)
        )  # fmt: skip


def _settle(execution: Execution, self: Any, result: Any, error: BaseException | None, kind: str) -> None:
    """Put a result or an exception into a future."""
    binding = FUTURE.of(execution, self)
    execution.perform(Operation(kind, binding.write))
    state: model.Future = binding.model
    if state.done():
        raise InvalidStateError(f"{state.state}: {self!r}")
    state.state = self._state = FINISHED
    self._result, self._exception = result, error
    if error is not None:
        unread(execution)[binding.name] = error
    for callback in self._done_callbacks:
        _call_back(execution, self, callback)


def _call_back(execution: Execution, self: Any, callback: Callable[[Any], object]) -> None:
    try:
        callback(self)
    except Exception as error:  # the stdlib logs it and goes on; we keep it
        if execution.current is not None:
            execution.fail_with(execution.current, error)


def _answer(execution: Execution, self: Any, timeout: float | None) -> None:
    """Wait until the future is done; raises as `Future.result` does where it is not or was cancelled."""
    binding = FUTURE.of(execution, self)
    if not wait(execution, "result", binding, binding.model.done, timeout, accesses=binding.read):
        raise FuturesTimeout
    unread(execution).pop(binding.name, None)
    if binding.model.state in (CANCELLED, CANCELLED_AND_NOTIFIED):
        raise CancelledError


def _result(execution: Execution, self: Any, timeout: float | None = None) -> Any:
    _answer(execution, self, timeout)
    if self._exception is not None:
        try:
            raise self._exception
        finally:
            del self  # as the stdlib: no cycle through the traceback
    return self._result


def _exception(execution: Execution, self: Any, timeout: float | None = None) -> Any:
    _answer(execution, self, timeout)
    return self._exception


def _set_result(execution: Execution, self: Any, result: Any) -> None:
    _settle(execution, self, result, None, "set result")


def _set_exception(execution: Execution, self: Any, exception: Any) -> None:
    _settle(execution, self, None, exception, "set exception")


def _cancel(execution: Execution, self: Any) -> bool:
    binding = FUTURE.of(execution, self)
    operation = Operation("cancel", binding.write)
    execution.perform(operation)
    state: model.Future = binding.model
    if state.state in (RUNNING, FINISHED):
        operation.kind, operation.accesses = "too late to cancel", binding.read
        return False
    if state.state == PENDING:
        state.state = self._state = CANCELLED
        for callback in self._done_callbacks:
            _call_back(execution, self, callback)
    return True


def _begin(execution: Execution, self: Any) -> bool:
    binding = FUTURE.of(execution, self)
    execution.perform(Operation("run", binding.write))
    state: model.Future = binding.model
    if state.state == CANCELLED:
        state.state = self._state = CANCELLED_AND_NOTIFIED
        return False
    if state.state != PENDING:
        raise RuntimeError("Future in unexpected state")
    state.state = self._state = RUNNING
    return True


def _looking(name: str, answer: Callable[[model.Future], bool]) -> Any:
    def look(execution: Execution, self: Any) -> bool:
        binding = FUTURE.of(execution, self)
        execution.perform(Operation(f"{name}?", binding.read))
        return answer(binding.model)

    return look


def _add_done_callback(execution: Execution, self: Any, fn: Any) -> None:
    binding = FUTURE.of(execution, self)
    execution.perform(Operation("add callback", binding.write))
    if binding.model.done():
        _call_back(execution, self, fn)
    else:
        self._done_callbacks.append(fn)


def _made(execution: Execution, self: Any) -> None:
    with quiet(execution):
        _Future_init(self)
    self.__dict__[HASH] = zlib.crc32(FUTURE.bind(execution, self).name.encode())


_Future_init = _Future.__init__


def _text(original: Any) -> Any:
    def __repr__(execution: Execution, self: Any) -> str:
        with quiet(execution):
            return str(original(self))

    return __repr__


# -- several at once -----------------------------------------------------------------------------------------

_real_wait = concurrent.futures.wait
_real_as_completed = concurrent.futures.as_completed


def _each(execution: Execution, fs: Iterable[Any]) -> list[tuple[Any, Binding]]:
    """Every future once, in an order that is the same in every execution."""
    pairs = [(future, FUTURE.of(execution, future)) for future in dict.fromkeys(fs)]
    return sorted(pairs, key=lambda pair: pair[1].name) if isinstance(fs, (set, frozenset)) else pairs


def _await(
    execution: Execution, futures: list[tuple[Any, Binding]], enough: Callable[[], bool], timeout: float | None
) -> bool:
    accesses = tuple((binding.name, READ) for _, binding in futures)
    if timeout is not None and timeout <= 0:
        execution.perform(Operation("look at futures", accesses))
        return enough()
    return execution.perform(Operation("wait for futures", accesses, enough, deadline_of(execution, timeout)))


def wait_for(fs: Iterable[Any], timeout: float | None = None, return_when: str = "ALL_COMPLETED") -> Any:
    """As `concurrent.futures.wait`."""
    execution = control.current()
    if execution is None:
        return _real_wait(fs, timeout, return_when)
    futures = _each(execution, fs)

    def enough() -> bool:
        done = [f for f, binding in futures if binding.model.settled()]
        if return_when == "FIRST_COMPLETED" and done:
            return True
        if return_when == "FIRST_EXCEPTION" and any(f._exception is not None for f in done):
            return True
        return len(done) == len(futures)

    _await(execution, futures, enough, timeout)
    done = {f for f, binding in futures if binding.model.settled()}
    if len(done) < len(futures) and return_when not in ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"):
        raise ValueError(f"Invalid return condition: {return_when!r}")
    return DoneAndNotDoneFutures(done, {f for f, _ in futures} - done)


def as_completed(fs: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
    """As `concurrent.futures.as_completed`; of several that are done, in the order given."""
    execution = control.current()
    if execution is None:
        yield from _real_as_completed(fs, timeout)
        return
    left = _each(execution, fs)
    total = len(left)
    end = None if timeout is None else execution.clock + timeout

    def some_done() -> bool:
        return any(binding.model.settled() for _, binding in left)

    while left:
        if not _await(execution, left, some_done, None if end is None else end - execution.clock):
            raise FuturesTimeout(f"{len(left)} (of {total}) futures unfinished")
        for pair in [pair for pair in left if pair[1].model.settled()]:
            left.remove(pair)
            yield pair[0]


def install(patches: Patches) -> None:
    """Add futures to ``patches``."""
    for name, act in (
        ("__init__", _made), ("__repr__", _text(_Future.__repr__)), ("result", _result), ("exception", _exception),
        ("set_result", _set_result), ("set_exception", _set_exception), ("cancel", _cancel),
        ("set_running_or_notify_cancel", _begin), ("add_done_callback", _add_done_callback),
        ("done", _looking("done", lambda m: m.done())), ("running", _looking("running", lambda m: m.state == RUNNING)),
        ("cancelled", _looking("cancelled", lambda m: m.state in (CANCELLED, CANCELLED_AND_NOTIFIED))),
    ):  # fmt: skip
        steer(patches, _Future, name, act)
    patches.attribute(_Future, "__hash__", stable_hash)
    patches.name_objects(_Future, FUTURE.name)
    patches.value(_real_wait, wait_for)
    patches.value(_real_as_completed, as_completed)
