"""Signals while a package is loaded: the first has the loader stop, the second ends the process at once.

To stop is to start no further job and to run the running ones to their end. To end at once is a crash: nothing is
flushed, nothing is closed, and what is on disk and in the ledger is what a restart goes by.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_NOTICE = b"loadloom: stopping once the running jobs are through; another signal stops at once\n"


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first SIGINT or SIGTERM; end the process at the second, with 128 and the signal's number.

    Outside of the main thread no signal comes, and this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        os.write(2, _NOTICE)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
