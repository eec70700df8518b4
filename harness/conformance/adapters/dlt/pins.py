"""Takes chance out of dlt without touching its logic: names, clocks, set order, contexts, logging, telemetry."""

from __future__ import annotations

import datetime as _datetime
import functools
import importlib
import re
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

FOLDERS = ("new_jobs", "started_jobs", "completed_jobs", "failed_jobs")
FROZEN_TIME = 1_000_000_000.0
MAIN_IDENT = 1


def module(name: str) -> Any:
    """A module of dlt, untyped so that we type-check with and without dlt installed."""
    return importlib.import_module(name)


class _Contexts(dict[int, Any]):
    """dlt's injection contexts by thread, whose locks stay real locks whoever asks first.

    dlt holds them only across code of its own that neither waits nor touches a file, so they order nothing.
    """

    def get(self, key: int, default: Any = None) -> Any:
        if key not in self:
            self[key] = ({}, _RLock())
        return self[key]


_RLock = threading.RLock


class _Threading:
    """What dlt's injection container uses of `threading`, with our thread ids."""

    RLock = staticmethod(_RLock)

    def __init__(self, get_ident: Callable[[], int]) -> None:
        self.get_ident = get_ident

    def current_thread(self) -> threading.Thread:
        return threading.current_thread()


def _frozen_datetime(clock: Callable[[], float]) -> type:
    class Frozen(_datetime.datetime):
        @classmethod
        def now(cls, tz: _datetime.tzinfo | None = None) -> Any:
            return _datetime.datetime.fromtimestamp(clock(), tz)

    return Frozen


@functools.lru_cache(maxsize=1)
def _pinnable() -> dict[str, tuple[Any, ...]]:
    """Where dlt's loader binds what depends on chance, by name; imports first all that the loader uses."""
    module("dlt.load.load")
    names = {
        "uniq_id": ("dlt.common.storages.file_storage", "dlt.common.storages.load_package"),
        "precise_time": ("dlt.common.pipeline", "dlt.common.storages.load_package"),
        "datetime": ("dlt.common.destination.client", "dlt.destinations.job_impl"),
    }
    modules = {name: [module(place) for place in places] for name, places in names.items()}
    return {name: tuple(m for m in found if hasattr(m, name)) for name, found in modules.items()}


def _default_task() -> str:
    """Name of the current thread without the thread id that dlt puts into the names of its pool."""
    return re.sub(r"^dlt-pool-\d+-_?", "pool", threading.current_thread().name)


class _RunContext:
    """The part of dlt's run context that is ours: no configuration providers, no logging, no telemetry."""

    def initial_providers(self) -> list[object]:
        return []

    def initialize_runtime(self, runtime_config: object = None) -> None: ...


@functools.lru_cache(maxsize=1)
def _silent_context() -> Any:
    base = module("dlt.common.runtime.run_context").RunContext
    run_context = type("LoomRunContext", (_RunContext, base), {})(run_dir=None)
    return module("dlt.common.configuration.specs.pluggable_run_context").PluggableRunContext(run_context)


@contextmanager
def pinned(
    task: Callable[[], str] = _default_task, clock: Callable[[], float] = lambda: FROZEN_TIME, life: int = 1
) -> Iterator[None]:
    """Takes chance out of dlt without touching its logic, and puts all back.

    Pinned are: names of temporary files (task and that task's count), names of pool threads (dlt puts the id of the
    loader's thread into them), the order of the folders in a package (a set of strings in dlt, so it changes with the
    hash seed), the clocks, and the injection contexts that an execution leaves behind. Off are: logging, telemetry, and
    every look into the environment or a configuration file. Not pinned, since it belongs to whoever controls `os`: the
    order in which a directory is listed. `life` is part of the names of temporary files, so that a restart in another
    process does not overwrite, and so hide, what a crash left.
    """
    where = _pinnable()
    pendulum, frozen = module("pendulum"), _frozen_datetime(clock)
    counts: dict[str, int] = {}

    def uniq_id(len_: int = 16) -> str:
        name = task()
        counts[name] = counts.get(name, 0) + 1
        return f"tmp{life}-{name}-{counts[name]}"

    def now(tz: Any = None) -> Any:
        return pendulum.from_timestamp(clock(), tz or "UTC")

    # dlt names its pool after the thread that makes it, and finds the contexts of a pool's threads by that name
    container_module = module("dlt.common.configuration.container")
    container, owner_ident = container_module.Container(), threading.get_ident()

    def get_ident() -> int:
        ident = threading.get_ident()
        return MAIN_IDENT if ident == owner_ident else ident

    context = _silent_context()
    contexts: Mapping[int, Any] = container.thread_contexts
    kept = _Contexts({key: (dict(values), lock) for key, (values, lock) in contexts.items()})
    kept[MAIN_IDENT] = main = (dict(contexts[container._MAIN_THREAD_ID][0]), _RLock())
    main[0][type(context)] = context
    swaps: list[tuple[Any, str, object]] = [
        (container, "thread_contexts", kept),
        (container_module.Container, "_MAIN_THREAD_ID", MAIN_IDENT),
        (container_module, "threading", _Threading(get_ident)),
        (module("dlt.common.logger"), "LOGGER", None),
        (module("dlt.common.storages.load_package"), "WORKING_FOLDERS", FOLDERS),
        (pendulum, "now", now),
    ]
    swaps += [(owner, "uniq_id", uniq_id) for owner in where["uniq_id"]]
    swaps += [(owner, "precise_time", clock) for owner in where["precise_time"]]
    for owner in where["datetime"]:
        if isinstance(owner.datetime, types.ModuleType):
            shim = types.ModuleType("datetime")
            vars(shim).update({**vars(_datetime), "datetime": frozen})
            swaps.append((owner, "datetime", shim))
        else:
            swaps.append((owner, "datetime", frozen))
    before = [(owner, name, getattr(owner, name)) for owner, name, _value in swaps]
    try:
        for owner, name, value in swaps:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)
