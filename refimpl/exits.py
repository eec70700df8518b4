"""How a command ends: its exit code, and one clear line for each error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from refimpl.errors import Fenced, InputError, Interrupted, JobsFailed, PackageError, RetriesExhausted

OK, FAILED, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 4, 130


def guarded(action: Callable[[], int], again: str = "run the same command again to resume") -> int:
    """The exit code of `action`; an error becomes one line on stderr that says what to do, never a traceback.

    Args: `again` says what to do once the cause is gone.
    """
    try:
        return action()
    except (InputError, PackageError) as error:
        return complain(str(error), USAGE)
    except RetriesExhausted as error:
        return complain(f"{error}; {again}", FAILED)
    except (Fenced, JobsFailed) as error:
        return complain(str(error), FAILED)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return complain(f"{what}; put that right and {again}", USAGE)
    except Interrupted:
        return complain(f"stopped, with every running job run to its end; {again}", INTERRUPTED)
    except KeyboardInterrupt:
        return complain(f"interrupted; {again}", INTERRUPTED)
    except Exception as error:
        if os.environ.get("LOADLOOM_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        return complain(f"internal error: {what}; with LOADLOOM_TRACEBACK=1 it says where", INTERNAL)


def complain(text: str, code: int) -> int:
    """Print the lines of `text` on stderr, as ours; `code`, for the caller to return."""
    for line in text.splitlines():
        print(f"loadloom: {line}", file=sys.stderr)
    return code
