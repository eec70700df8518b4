"""What is written of a job's end: the marker of one, the outcome of all."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from refimpl import sealed
from refimpl.errors import TornError
from refimpl.package import COMPLETED, FAILED, TERMINAL, Evidence, JobSpec, Manifest, as_data, from_data


def marker_data(job_id: str, evidence: Evidence) -> dict[str, Any]:
    """A marker as plain data. It names its job: a reused disk block may hold another's, whole."""
    return {
        "job": job_id,
        "state": evidence.state,
        "message": evidence.message,
        "rows": evidence.rows,
        "follow_ups": [as_data(spec) for spec in evidence.follow_ups],
    }


def evidence_of(data: Any) -> tuple[str, Evidence]:
    """The job that a marker names, and what it says. Raises KeyError or TypeError when it is none."""
    follow_ups = tuple(from_data(spec) for spec in data["follow_ups"])
    return data["job"], Evidence(data["state"], data["message"], data["rows"], follow_ups)


def is_of(name: str, jobs: Collection[str]) -> bool:
    """Whether `name` is one of `jobs` or a follow-up of one: job+0, job+0+1."""
    return name.partition("+")[0] in jobs


def read_marker(folder: str, name: str, jobs: Collection[str]) -> Evidence | str:
    """The marker in the file `name`, or what is wrong with it."""
    if name.endswith(".tmp"):
        return "temporary file"
    if not is_of(name, jobs):
        return "orphan marker"
    try:
        job, evidence = evidence_of(sealed.read(os.path.join(folder, name)))
    except (OSError, TornError, KeyError, TypeError):
        return "torn marker"
    if job != name:
        return "foreign marker"
    return evidence if evidence.state in TERMINAL else "unknown state"


def outcome_bytes(manifest: Manifest, evidence: Mapping[str, Evidence], status: str) -> bytes:
    """How every job ended; of those that were loaded only the number."""
    return sealed.seal(
        {
            "status": status,
            "jobs": sum(job.job_id in evidence for job in manifest.jobs),
            "failed": {job: found.message for job, found in sorted(evidence.items()) if found.state == FAILED},
            "follow_ups": [as_data(spec) for _, found in sorted(evidence.items()) for spec in found.follow_ups],
        }
    )


def read_outcome(path: str, manifest: Manifest) -> dict[str, Evidence]:
    """The end of every job by its id. Raises OSError; TornError, also when it is not about the manifest's jobs."""
    try:
        data = sealed.read(path)
        failed: Mapping[str, str] = data["failed"]
        follow_ups = [from_data(spec) for spec in data["follow_ups"]]
        if data["jobs"] != len(manifest.jobs):
            raise TornError("about other jobs than the manifest")
    except (KeyError, TypeError) as error:
        raise TornError(f"not an outcome: {error}") from error
    followed: dict[str, list[JobSpec]] = {}
    for spec in follow_ups:
        followed.setdefault(spec.parent, []).append(spec)
    return {
        job.job_id: Evidence(
            FAILED if job.job_id in failed else COMPLETED,
            failed.get(job.job_id, ""),
            follow_ups=tuple(followed.get(job.job_id, ())),
        )
        for job in (*manifest.jobs, *follow_ups)
    }


def read_status(path: str) -> str:
    """How a package ended: loaded or aborted. Raises OSError or TornError."""
    try:
        return str(sealed.read(path)["status"])
    except (KeyError, TypeError) as error:
        raise TornError(f"not an outcome: {error}") from error
