"""C10: a client that raises when it is left, after the commit, has its job loaded again."""

from _dummy import COMMITTED, Client, data, pipeline, verdict

LEFT = []


class BadGoodbye(Client):
    def __exit__(self, *error):
        if COMMITTED and not LEFT:
            LEFT.append(1)
            raise ConnectionError("the connection did not close")


pipeline(BadGoodbye).run(data("items"))
verdict(COMMITTED == ["items", "items"], f"the destination has committed {COMMITTED}")
