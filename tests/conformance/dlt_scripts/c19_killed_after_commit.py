"""C19, C14: a process that dies between a job's commit and its marker has the job loaded again."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import dlt
from _dummy import Client, Job, data, verdict
from dlt.destinations import dummy


class Destination(dummy):
    @property
    def client_class(self):
        return Client


def live(folder: str, dies: bool) -> None:
    """One life of the process that loads."""

    def during(job):
        if job._parsed_file_name.table_name == "items":
            with open(os.path.join(folder, "committed"), "a") as file:
                file.write("items\n")  # the destination commits
            if dies:
                os._exit(9)

    Job.during = staticmethod(during)
    made = dlt.pipeline("killed", destination=Destination(), pipelines_dir=folder)
    if dies:
        made.run(data("items"))
    else:
        made.load()
    os._exit(0)


if len(sys.argv) > 1:
    live(sys.argv[1], sys.argv[2] == "dies")
folder = tempfile.mkdtemp()
for life in ("dies", "resumes"):
    subprocess.run([sys.executable, __file__, folder, life], capture_output=True)
committed = Path(folder, "committed").read_text().split()
verdict(committed == ["items", "items"], f"killed once after the commit, then resumed: {committed}")
