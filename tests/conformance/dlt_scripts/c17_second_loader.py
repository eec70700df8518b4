"""C17: a second loader on the same package is not refused, and loads its jobs too."""

import threading

from _dummy import COMMITTED, Client, Job, data, pipeline, verdict

first = pipeline(Client)
first.extract(data("items"))
first.normalize()
inside, go_on = threading.Event(), threading.Event()


def wait(job):
    if job._parsed_file_name.table_name == "items" and not inside.is_set():
        inside.set()
        go_on.wait(20)


Job.during = staticmethod(wait)
owner = threading.Thread(target=lambda: _quietly(first.load), daemon=True)


def _quietly(load):
    try:
        load()
    except Exception as error:
        print("the first loader raised", type(error.__cause__ or error).__name__)


owner.start()
inside.wait(20)
refused = ""
try:
    pipeline(Client).load()
except Exception as error:
    refused = str(error)
go_on.set()
owner.join(20)
text = f"the destination has committed {COMMITTED}; the second loader was told {refused!r}"
verdict(COMMITTED.count("items") > 1, text)
