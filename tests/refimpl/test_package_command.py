"""`package` as a user meets it: list, show, resume, abort and drop."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from refimpl.destinations.duckdb import DuckDBDestination
from refimpl.errors import Interrupted
from refimpl.loader import Loader
from refimpl.package import Evidence, JobSpec, NewJob
from refimpl.package_command import app
from refimpl.sealed import seal
from refimpl.storage import PackageStorage


class Place:
    """A state directory and a database, with a command to look at them."""

    def __init__(self, root: Path) -> None:
        self.database = str(root / "out.duckdb")
        self.storage = PackageStorage(self.database + ".loadloom", "process")
        for load_id in ("aa-1", "ab-1"):
            csv = [NewJob(name, "t", "csv", content=b"x\n1\n", columns=(("x", "BIGINT"),), options={"delimiter": ","})
                   for name in ("one", "two", "three")]  # fmt: skip
            self.storage.create_package(load_id, csv)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--to", f"duckdb:///{self.database}"])

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def load_one_job(self) -> None:
        """Of aa-1 only the first job gets through before the loader is stopped."""
        destination = DuckDBDestination(self.database)

        class Stopped(Loader):
            def make_job(self, run: Any, spec: JobSpec, attempt: int) -> Any:
                self.stop()
                self._stopping = spec.job_id != "one"
                return super().make_job(run, spec, attempt)

        with pytest.raises(Interrupted):
            Stopped(self.storage, destination, workers=0).run_package("aa-1")
        destination.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_list_shows_every_package(place: Place) -> None:
    assert [each["load_id"] for each in place.json("list")] == ["aa-1", "ab-1"]


def test_list_says_how_far_each_is(place: Place) -> None:
    place.run("resume", "ab-1")
    assert [(each["status"], each["jobs"], each["ended"]) for each in place.json("list")] == [
        ("unfinished", 3, 0), ("loaded", 3, 3),
    ]  # fmt: skip


def test_list_names_the_owner(place: Place) -> None:
    claim = place.storage.claim("aa-1")
    assert place.json("list")[0]["owner"].startswith(f"process {os.getpid()} on ")
    claim.release()


def test_list_says_that_an_owner_has_died(place: Place) -> None:
    owner = {"host": place.storage.machine.me().host, "boot": "of long ago", "pid": 1, "started": ""}
    Path(place.storage.path("claims", "aa-1")).write_bytes(seal(owner))
    assert "which has died" in place.json("list")[0]["owner"]


def test_list_shows_a_damaged_package(place: Place) -> None:
    Path(place.storage.path("normalized", "aa-1", "manifest")).write_bytes(b"")
    assert place.json("list")[0]["status"] == "damaged"


def test_show_tells_the_state_of_each_job(place: Place) -> None:
    place.load_one_job()
    shown = {job["job"]: job["state"] for job in place.json("show", "aa-1")["job_list"]}
    assert shown == {"one": "completed", "two": "waiting", "three": "waiting"}


def test_show_knows_from_the_ledger_what_markers_do_not_say(place: Place) -> None:
    place.load_one_job()
    place.storage.clear_markers("aa-1")
    assert place.json("show", "aa-1")["job_list"][0]["rows"] == 1


def test_show_tells_why_a_job_failed(place: Place) -> None:
    place.storage.write_marker("aa-1", "two", Evidence("failed", "Traceback\nrefimpl.errors.TerminalError: bad data"))
    assert "two failed: bad data" in place.run("show", "aa-1").stdout


def test_show_makes_no_database(place: Place) -> None:
    place.run("show", "aa-1")
    assert not os.path.exists(place.database)


def test_resume_loads_what_is_left(place: Place) -> None:
    place.load_one_job()
    summary = place.json("resume", "aa-1")
    assert (summary["jobs"], summary["resumed"], summary["rows"]) == ({"completed": 3}, 1, 3)


def test_abort_fails_what_has_not_run(place: Place) -> None:
    place.load_one_job()
    summary = place.json("abort", "aa-1", "--reason", "wrong month")
    assert (summary["status"], summary["jobs"]) == ("aborted", {"completed": 1, "failed": 2})


def test_abort_leaves_a_package_that_says_so(place: Place) -> None:
    place.run("abort", "aa-1")
    assert [each["status"] for each in place.json("list")] == ["unfinished", "aborted"]


def test_abort_puts_the_reason_into_the_ledger(place: Place) -> None:
    place.run("abort", "aa-1", "--reason", "wrong month")
    assert place.json("show", "aa-1")["job_list"][0]["error"] == "wrong month"


def test_abort_ends_well(place: Place) -> None:
    assert place.run("abort", "aa-1").exit_code == 0


def test_drop_of_an_unfinished_package_is_refused(place: Place) -> None:
    assert (place.run("drop", "aa-1").exit_code, place.storage.packages()) == (2, ["aa-1", "ab-1"])


def test_drop_with_force_leaves_nothing_of_it(place: Place) -> None:
    place.run("drop", "aa-1", "--force")
    assert (place.storage.packages(), place.storage.packages("new")) == (["ab-1"], [])


def test_drop_of_a_package_that_is_worked_on_is_refused(place: Place) -> None:
    claim = place.storage.claim("aa-1")
    dropped = place.run("drop", "aa-1", "--force")
    claim.release()
    assert (dropped.exit_code, place.storage.packages()) == (2, ["aa-1", "ab-1"])


def test_beginning_of_an_id_is_enough(place: Place) -> None:
    assert place.json("show", "ab")["load_id"] == "ab-1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "a"], "may be aa-1, ab-1"),
        (["show", "zz"], "no package 'zz'"),
        (["resume", "zz"], "no package 'zz'"),
    ],
)
def test_id_that_fits_none_or_several_is_refused(place: Place, arguments: list[str], said: str) -> None:
    refused = place.run(*arguments)
    assert (refused.exit_code, said in refused.stderr) == (2, True)


def test_resume_of_an_ended_package_is_refused(place: Place) -> None:
    place.run("resume", "aa-1")
    assert place.run("resume", "aa-1").exit_code == 2


def test_place_without_packages_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["list", "--state-dir", str(tmp_path)])
    assert (refused.exit_code, "no packages here" in refused.stderr) == (2, True)


def test_neither_destination_nor_directory_is_refused() -> None:
    assert CliRunner().invoke(app, ["list"]).exit_code == 2
