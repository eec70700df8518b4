"""C8, C7: the destination fails a job for good and then its marker fails; the second error is lost."""

from _dummy import Client, Job, data, pipeline, spoil_markers, verdict
from dlt.destinations.exceptions import DestinationTerminalException

JOBS = []


def fail(job):
    JOBS.append(job)
    spoil_markers(job)
    raise DestinationTerminalException("bad data")


def chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


Job.during = staticmethod(fail)
try:
    pipeline(Client).run(data("items"))
    raised = None
except Exception as error:
    raised = error
met = [type(each).__name__ for top in (raised, JOBS[0].exception()) for each in chain(top)]
verdict("DestinationTerminalException" in met and not {"NotADirectoryError", "FileExistsError"} & set(met),
        f"whoever follows what was raised and what the job shows finds {met}, and no error of the marker")
