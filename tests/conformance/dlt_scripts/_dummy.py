"""A destination of dlt's own (`dummy`) whose client and job are ours to break; no loadloom in here."""

import os
import sys
import tempfile
import threading

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")

import dlt
from dlt.common.destination.client import RunnableLoadJob
from dlt.destinations import dummy
from dlt.destinations.impl.dummy.dummy import DummyClient

COMMITTED: list[str] = []
"""The tables whose data was committed, in order: what the destination holds."""
FOLDER = tempfile.mkdtemp()


class Job(RunnableLoadJob):
    """Commits, or does what `during` says first."""

    during = staticmethod(lambda job: None)

    def run(self) -> None:
        table = self._parsed_file_name.table_name
        type(self).during(self)
        if not table.startswith("_dlt"):
            COMMITTED.append(table)


class Client(DummyClient):
    """Makes our jobs."""

    def create_load_job(self, table, file_path, load_id, restore=False):
        return Job(file_path)


def pipeline(client: type = Client, **settings):
    """A pipeline into it; `settings` of the loader as in its configuration."""

    class Destination(dummy):
        @property
        def client_class(self):
            return client

    for name, value in settings.items():
        os.environ[f"LOAD__{name.upper()}"] = str(value)
    return dlt.pipeline("broken", destination=Destination(), pipelines_dir=FOLDER)


def data(*tables: str):
    """One row for each table, so one job for each."""
    return [dlt.resource([{"x": 1}], name=table) for table in tables]


def ends_within(seconds: float, action) -> bool:
    """Whether a call ends; if not it goes on in its thread."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def spoil_markers(job: Job) -> None:
    """Put a file where the folder of the package's markers is: whatever is written below it fails."""
    folder = os.path.join(os.path.dirname(os.path.dirname(job._file_path)), ".pending_transitions")
    if os.path.isdir(folder):
        os.rmdir(folder)
        with open(folder, "w") as file:
            file.write("in the way")


def verdict(reproduced: bool, text: str) -> None:
    """Say it, and leave at once whatever still runs."""
    print("REPRODUCED" if reproduced else "not reproduced", text, sep=": ", flush=True)
    sys.stdout.flush()
    os._exit(0 if reproduced else 1)
