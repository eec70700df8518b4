"""C6: a client whose constructor raises in a worker leaves its job "ready", and the loader polls for ever."""

import threading

from _dummy import Client, data, ends_within, pipeline, verdict


class NoConnection(Client):
    def __init__(self, *args):
        super().__init__(*args)
        if threading.current_thread().name.startswith("dlt-pool"):
            raise ConnectionError("no connection")


made = pipeline(NoConnection)
ended = ends_within(8, lambda: made.run(data("items")))
verdict(not ended, "the loader still waits 8 s after every client of a worker raised ConnectionError")
