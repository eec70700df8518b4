"""``python -m harness`` is ``loadloom``."""

import os
import sys

from .cli import main


def command() -> None:
    """The ``loadloom`` command, in a process whose sets have the same order in every run."""
    if not os.environ.get("PYTHONHASHSEED"):  # only the start of a process can fix it
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    main()


if __name__ == "__main__":
    main()
