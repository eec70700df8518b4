"""What a package's past says about its jobs."""

from __future__ import annotations

from collections.abc import Mapping

from refimpl.destinations.base import Destination
from refimpl.package import Evidence, Manifest, Repair
from refimpl.storage import PackageStorage


def recover(
    storage: PackageStorage, destination: Destination, manifest: Manifest
) -> tuple[Mapping[str, Evidence], list[Repair]]:
    """The jobs that need not run again, with their evidence, and what was found out of order.

    Where the destination keeps a ledger its rows decide, whatever markers say: a marker can outlive a database that
    was deleted or restored. Raises OSError, or what the destination raises.
    """
    markers, repairs = storage.read_markers(manifest)
    if not destination.has_ledger:
        outcome = storage.read_outcome(manifest)
        return (markers if outcome is None else outcome), repairs
    rows = destination.ledger(manifest.load_id)
    for job, marker in markers.items():
        row = rows.get(job)
        if row is None or row.state != marker.state:
            path = storage.path("normalized", manifest.load_id, ".pending_transitions", job)
            taken_as = "absent" if row is None else row.state
            repairs.append(Repair(f"marker {marker.state!r} against the ledger", path, taken_as))
    return rows, repairs
