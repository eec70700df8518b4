"""Many independent searches over several processes: a process explores one program at a time."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ..errors import LoadloomError

Task = TypeVar("Task")
Found = TypeVar("Found")


def spread(
    work: Callable[[Task], Found], tasks: Sequence[Task], processes: int
) -> Iterator[tuple[int, Found]]:
    """Do each task; yield its number and what came of it, as they end. With one process: here, and in order.

    Ctrl-C reaches the workers too; the caller gets it as usual, and what has not been yielded is not done.

    Args:
        work: a function at module level; takes a task and gives something that can be pickled.
        tasks: that can be pickled.
        processes: how many at once.

    Raises:
        LoadloomError: a task raised it, or a worker died.
        KeyboardInterrupt: the user stopped it.
    """
    if processes <= 1 or len(tasks) <= 1:
        for number, task in enumerate(tasks):
            yield number, work(task)
        return
    pool = ProcessPoolExecutor(min(processes, len(tasks)), multiprocessing.get_context("spawn"), _get_ready)
    try:
        numbers = {pool.submit(work, task): number for number, task in enumerate(tasks)}
        for future in as_completed(numbers):
            yield numbers[future], future.result()
    except BrokenProcessPool as error:
        raise LoadloomError("a worker process died; with one process (-j 1) it may say more") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _get_ready() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # while it waits; a search listens for itself
