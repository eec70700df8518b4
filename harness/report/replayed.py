"""A replay for people: every step, then each failure as `verify` explains it."""

from __future__ import annotations

from ..conformance.orderings import SAFE, orders_in
from ..conformance.suite import Replayed, file_of
from .explain import account_of, every_step, explain
from .steps import role_name


def replayed(what: Replayed) -> list[str]:
    """All there is to say."""
    steps = what.execution.steps
    version = f"{what.implementation.name} {what.implementation.version}".strip()
    lines = [f"{version}, scenario {what.scenario.name}: {len(steps)} steps, ended: {what.execution.ending}", ""]
    lines += [f"  {line}" for line in every_step(what.execution, what.failures, role_name)]
    lines += ["", *_orders(what)]
    loader, scenario = what.implementation, what.scenario
    account = account_of(loader.name, loader.version, scenario.name, str(what.token), file_of(scenario))
    for failure in what.failures:
        lines += ["", *explain(failure, what.execution, account)]
    if not what.failures:
        lines += ["", "This schedule breaks nothing. One schedule proves nothing: loadloom verify says more."]
    return lines


def _orders(what: Replayed) -> list[str]:
    lines = []
    for job, order in orders_in(what.events).items():
        lines.append(f"  order of {job!r}: {'-'.join(order)} ({'safe' if order == SAFE else 'unsafe'})")
    return lines
