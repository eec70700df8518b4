"""Call sites: the innermost frame that is the user's, not ours and not a thread primitive's."""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType

from ..trace import Site

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_STDLIB = os.path.dirname(os.path.abspath(threading.__file__))
_known: dict[CodeType, bool] = {}


def _hidden(code: CodeType) -> bool:
    known = _known.get(code)
    if known is None:
        name = code.co_filename
        stdlib = name.startswith(_STDLIB + os.sep) and "site-packages" not in name
        ours = name.startswith(_OURS + os.sep) and f"{os.sep}conformance{os.sep}" not in name
        known = _known[code] = name.startswith("<frozen") or stdlib or ours
    return known


def user_site(frame: FrameType | None = None) -> Site | None:
    """The innermost frame of the user's own code, or None where there is none."""
    where: FrameType | None = frame or sys._getframe(1)
    while where is not None and _hidden(where.f_code):
        where = where.f_back
    if where is None:
        return None
    return Site(where.f_code.co_filename, where.f_lineno, where.f_code.co_name)


def raised_in(error: BaseException) -> str:
    """``save (storage.py)``: the innermost function of the user's own that an exception came through.

    The same on every machine and Python, and when lines are added above; so no path, no line, and no function of the
    standard library, whose insides differ between versions. Empty where there is no frame at all.
    """
    traceback, found, last = error.__traceback__, "", ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        last = f"{code.co_name} ({os.path.basename(code.co_filename)})"
        if not _hidden(code):
            found = last
        traceback = traceback.tb_next
    return found or last
