"""A reference data loader that keeps the commit contract; usable on its own."""

from refimpl.destinations import Destination, NullDestination, connect
from refimpl.errors import LoadloomError, TerminalError
from refimpl.job import LoadJob, RunnableLoadJob
from refimpl.loader import Loader
from refimpl.package import Evidence, JobSpec, Manifest, NewJob
from refimpl.storage import PackageStorage
from refimpl.summary import JobResult, LoadSummary

__all__ = [
    "Destination",
    "Evidence",
    "JobResult",
    "JobSpec",
    "LoadJob",
    "LoadSummary",
    "Loader",
    "LoadloomError",
    "Manifest",
    "NewJob",
    "NullDestination",
    "PackageStorage",
    "RunnableLoadJob",
    "TerminalError",
    "connect",
]
