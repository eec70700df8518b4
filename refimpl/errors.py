"""What can go wrong, in words for the person who has to act on it."""

from __future__ import annotations


class LoadloomError(Exception):
    """The base of every error that this package raises on purpose."""


class TerminalError(LoadloomError):
    """A destination raises this for a job that no further attempt can load, such as malformed data."""


class InputError(LoadloomError):
    """What the user gave cannot be used: a source, a URL, a target. The message is one line that says what to do."""


class SourceError(InputError):
    """A source file cannot be loaded; the message begins with its path, and the line where known."""


class DestinationError(InputError):
    """A destination cannot be opened: unknown scheme, read-only, locked, not a database."""


class PackageError(LoadloomError):
    """A package on disk is not what its manifest says, or an operation on it makes no sense."""


class Claimed(PackageError):
    """Another process works on this package; the message names it."""


class TornError(PackageError):
    """A sealed file is empty, cut short or damaged: to be treated as absent."""


class Fenced(LoadloomError):
    """Another loader has taken this load over since; what this one has not committed it can commit no more."""


class JobStateError(LoadloomError):
    """A job was asked for a transition that its state does not allow."""


class Interrupted(LoadloomError):
    """The loader was asked to stop, and has: what ran was run to its end, and a later run resumes the rest."""


class RetriesExhausted(LoadloomError):
    """A job asked for another attempt more often than allowed; its package stays, and a later run resumes it."""


class JobsFailed(LoadloomError):
    """The package is finished, and some of its jobs failed terminally (raised with ``raise_on_failed_jobs``)."""


def chain(first: BaseException, later: BaseException) -> None:
    """Hang `later` under the end of the chain of `first`, where a traceback shows it; nothing if it is there."""
    end, seen = first, set()
    while id(end) not in seen:
        if end is later:
            return
        seen.add(id(end))
        below = end.__cause__ or (None if end.__suppress_context__ else end.__context__)
        if below is None:
            end.__context__ = later
            end.__suppress_context__ = False
            return
        end = below
