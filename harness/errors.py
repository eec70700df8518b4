"""What can go wrong in loadloom itself or in how it is used; each says what happened, where, what to do."""

from __future__ import annotations

import re


class LoadloomError(Exception):
    """Base of every error that loadloom raises for people to read."""


class UsageError(LoadloomError):
    """Bad input: an unknown name, a damaged token, a scenario that cannot be read, a missing extra."""


class NondeterminismError(LoadloomError):
    """The program did something else than it did under the same choices before."""


class BlockedError(LoadloomError):
    """A task made no step for long: it blocks outside our sight, or runs on without touching anything."""


class AdapterError(LoadloomError):
    """The adapter failed, not the loader under test."""


class Abandoned(BaseException):
    """Raised in every task of an execution that is over; nothing of the program may act after it."""


_ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]+|(?<=\.\.\.)[0-9a-f]{8,16}(?=>)")  # pytest cuts long ones in the middle


def in_words(error: BaseException) -> str:
    """Type and message of an exception, the same in every process: addresses of objects are left out."""
    return _ADDRESS.sub("0x...", f"{type(error).__name__}: {error}").strip().rstrip(":")
