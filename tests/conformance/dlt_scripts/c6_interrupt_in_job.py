"""C6: KeyboardInterrupt (or SystemExit) in a job leaves it "running", and the loader polls for ever."""

from _dummy import Job, data, ends_within, pipeline, verdict


def interrupted(job):
    raise KeyboardInterrupt


Job.during = staticmethod(interrupted)
made = pipeline()
ended = ends_within(8, lambda: made.run(data("items")))
verdict(not ended, "the loader still waits 8 s after its job raised KeyboardInterrupt")
