"""C12: three jobs, two workers, one job fails for good: what else is loaded depends on who is faster.

Whichever job is started first is the one that fails: in one order when both others are through, in the other at once,
while the second job waits until the loader has seen the failure.
"""

import os
import subprocess
import sys
import threading
import time

from _dummy import COMMITTED, Client, Job, data, pipeline, verdict
from dlt.destinations.exceptions import DestinationTerminalException


def until(condition) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)


def run_in_order(failure_first: bool) -> None:
    started = []
    lock = threading.Lock()

    def during(job):
        if job._parsed_file_name.table_name.startswith("_dlt"):
            return
        with lock:
            started.append(job)
        if job is started[0]:
            until(lambda: failure_first or len(COMMITTED) == 2)
            raise DestinationTerminalException("bad data")
        if failure_first:
            until(lambda: not os.path.exists(started[0]._file_path))  # the loader has moved it away

    Job.during = staticmethod(during)
    try:
        pipeline(Client, workers=2).run(data("a", "b", "c"))
    except Exception:
        pass
    print(len(COMMITTED), flush=True)
    os._exit(0)


if len(sys.argv) > 1:
    run_in_order(sys.argv[1] == "first")
loaded = {
    order: int(subprocess.run([sys.executable, __file__, order], capture_output=True, text=True).stdout or -1)
    for order in ("last", "first")
}
verdict(
    loaded["last"] == 2 and 0 <= loaded["first"] < 2,
    f"jobs loaded beside the failed one: {loaded['last']} where it fails last, {loaded['first']} where it fails first",
)
