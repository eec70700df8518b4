"""C11: a job whose marker fails wakes nobody: the load goes on only when the loader's poll expires.

The poll is made 6 s long; with a marker that works the load takes no notice of it.
"""

import time

from _dummy import Client, Job, data, pipeline, spoil_markers, verdict
from dlt.load.load import Load

made_load = Load.__init__


def patient(self, *args, **kw):
    made_load(self, *args, **kw)
    self._run_loop_sleep_duration = 6.0


Load.__init__ = patient


def seconds(during) -> float:
    Job.during = staticmethod(during)
    began = time.monotonic()
    pipeline(Client).run(data("items"))
    return time.monotonic() - began


usual, spoilt = seconds(lambda job: None), seconds(spoil_markers)
verdict(usual < 5 and spoilt > 6, f"{usual:.1f} s where markers work, {spoilt:.1f} s where they fail")
