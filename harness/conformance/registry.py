"""From a name on the command line to the implementation that it means."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from . import discovery
from .adapter import Implementation, World
from .scenario import Scenario

KNOWN = {
    "refimpl": "the reference loader that comes with loadloom",
    "refimpl:VARIANT": "the reference loader with one deliberate defect; loadloom list variants",
    "dlt": "the dlt that is installed, unchanged; needs the extra: pip install 'loadloom[dlt]'",
    "package.module:Adapter": "your own loader, through an adapter that you write",
}
"""What can stand for an implementation, with what it means."""


@dataclass(frozen=True)
class External:
    """An adapter from outside, under the name by which it was asked for: so its tokens find it again."""

    name: str
    version: str
    made: Any
    breaks: str = ""
    scenario: str = ""

    def world(self, scenario: Scenario, root: str) -> World:
        """The loader on a sandbox."""
        return self.made.world(scenario, root)  # type: ignore[no-any-return]


def implementation(name: str) -> Implementation:
    """The implementation of this name.

    Raises:
        UsageError: there is none, its extra is missing, or its module cannot be imported; one line that says which.
    """
    if name == "refimpl" or name.startswith("refimpl:"):
        from .adapters.refimpl import Refimpl

        return Refimpl(name.partition(":")[2])
    if name == "dlt":
        from .adapters.dlt import Dlt

        return Dlt()
    module, colon, attribute = name.partition(":")
    if colon and attribute:
        return _external(name, module, attribute)
    installed = discovery.adapters()
    if name in installed:
        entry = installed[name]
        if not entry.attr:
            raise UsageError(f"{name}: the entry point {entry.value!r} names no adapter, as in package.module:Adapter")
        return _external(name, entry.module, entry.attr)
    hint = f"; {name} is a scenario: loadloom verify refimpl {name}" if name in discovery.scenarios() else ""
    raise UsageError(f"no implementation {name!r}; there are {', '.join([*KNOWN, *installed])}{hint}")


def _external(name: str, module_name: str, attribute: str) -> Implementation:
    module = _imported(name, module_name)
    if not hasattr(module, attribute):
        raise UsageError(f"{name}: module {module_name} has no {attribute!r}")
    made = getattr(module, attribute)
    if callable(made):
        try:
            made = made()
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"{name}: {attribute}() failed: {_one_line(error)}") from error
    if not callable(getattr(made, "world", None)):
        raise UsageError(f"{name}: no adapter: it has no method world(scenario, root)")
    version = str(getattr(made, "version", "") or "")
    return External(name, version, made, getattr(made, "breaks", ""), getattr(made, "scenario", ""))


def _imported(name: str, module_name: str) -> Any:
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)  # a console script does not look where the user stands
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(missing + "."):
            raise UsageError(f"{name}: no module {missing!r} here or among the installed packages") from error
        raise UsageError(f"{name}: {module_name} needs the module {missing!r}, which is not installed") from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"{name}: {module_name} cannot be imported: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    """``KeyError: 'x' (adapter.py:12)``."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    text = str(error).splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}".rstrip(": ") + place
