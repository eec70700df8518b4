"""What the dlt adapter says where it cannot work; dlt need not be there for it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from harness.conformance.adapters import dlt as adapter
from harness.conformance.adapters.dlt import world
from harness.conformance.registry import implementation
from harness.errors import UsageError


def installed(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def answer(name: str) -> str:
        if version is None:
            raise PackageNotFoundError(name)
        return version

    monkeypatch.setattr(world, "installed_version", answer)


def test_missing_dlt_is_one_line_with_the_command_that_installs_it(monkeypatch):
    installed(monkeypatch, None)
    with pytest.raises(UsageError) as refused:
        implementation("dlt")
    assert str(refused.value) == "dlt is not installed; pip install 'dlt>=1.25,<1.32'"


@pytest.mark.parametrize("version", ["1.24.0", "1.32.0", "2.0.0", "0.5.4", "nonsense"])
def test_release_that_the_driver_does_not_fit_is_refused(monkeypatch, version):
    installed(monkeypatch, version)
    with pytest.raises(UsageError, match=rf"^dlt {version} is installed and this adapter drives 1\.25 to 1\.31; pip "):
        adapter.Dlt()


@pytest.mark.parametrize("version", ["1.25.0", "1.27.2", "1.28.0a1", "1.31.0"])
def test_release_that_it_fits_is_taken(monkeypatch, version):
    installed(monkeypatch, version)
    assert adapter.Dlt().version == version


def test_harness_and_its_adapters_import_without_dlt():
    code = (
        "import sys; sys.modules['dlt'] = None; import harness.conformance.adapters.dlt, harness.conformance.registry;"
        "assert not [m for m in sys.modules if m.startswith('dlt.')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
