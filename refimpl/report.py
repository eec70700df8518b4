"""What the command prints."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from refimpl.summary import LoadSummary


@dataclass
class TableCount:
    """What came into one table."""

    jobs: int = 0
    rows: int = 0
    failed: int = 0


def by_table(summary: LoadSummary) -> dict[str, TableCount]:
    """The counts of each table, by name."""
    counts: dict[str, TableCount] = defaultdict(TableCount)
    for job in summary.jobs:
        count = counts[job.table]
        count.jobs += 1
        count.rows += job.rows
        count.failed += job.state == "failed"
    return dict(sorted(counts.items()))


def as_json(load_id: str, status: str, summary: LoadSummary, seconds: float, refused: list[str]) -> str:
    """The summary on one line, for programs."""
    data: dict[str, Any] = {
        "load_id": load_id,
        "status": status,
        "rows": summary.rows,
        "jobs": summary.by_state,
        "resumed": summary.resumed,
        "attempts": summary.attempts,
        "tables": {name: asdict(count) for name, count in by_table(summary).items()},
        "failed": [{"job": job.job_id, "error": job.error} for job in summary.failed],
        "repaired": summary.repaired,
        "repairs": [asdict(repair) for repair in summary.repairs],
        "skipped": refused,
        "seconds": round(seconds, 3),
    }
    return json.dumps(data)


def print_summary(console: Console, url: str, summary: LoadSummary, seconds: float) -> None:
    """The summary as a table, for people."""
    table = Table(box=None, pad_edge=False)
    table.add_column("table")
    for name in ("jobs", "rows", "failed"):
        table.add_column(name, justify="right")
    for name, count in by_table(summary).items():
        table.add_row(name, str(count.jobs), str(count.rows), str(count.failed))
    console.print(table)
    resumed = f", {summary.resumed} of them in an earlier run" if summary.resumed else ""
    console.print(
        f"{summary.rows} rows, {len(summary.jobs)} jobs{resumed}, into {url} in {seconds:.2f} s",
        highlight=False,
        markup=False,
    )
