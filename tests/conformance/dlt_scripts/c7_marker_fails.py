"""C7, C1, C3, C11: a job whose marker cannot be written is "completed"; the error is lost in its worker."""

import time

from _dummy import Client, Job, data, pipeline, spoil_markers, verdict

JOBS = []


def during(job):
    JOBS.append(job)
    spoil_markers(job)


Job.during = staticmethod(during)
began = time.monotonic()
info = pipeline(Client).run(data("items"))
states = {job.state() for job in JOBS}
unfinished = [job._finished_at for job in JOBS].count(None)
print(f"took {time.monotonic() - began:.1f} s: nobody is woken, the loader's poll of 1 s has to expire")
verdict(
    states == {"completed"} and unfinished > 0 and not info.has_failed_jobs,
    f"no marker could be written, and run() returned: jobs {states}, {unfinished} of them without a finish time",
)
