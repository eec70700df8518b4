"""Each finding on dlt 1.31.0, reproduced by a script that knows nothing of loadloom: no false alarm."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

if importlib.util.find_spec("dlt") is None and os.environ.get("LOADLOOM_REQUIRE_DLT") != "1":
    pytest.skip("dlt is not installed: pip install 'loadloom[dlt]'", allow_module_level=True)
if version("dlt") != "1.31.0":
    pytest.skip("the scripts are of what dlt 1.31.0 does", allow_module_level=True)

FOLDER = Path(__file__).parent / "dlt_scripts"
SCRIPTS = sorted(path.name for path in FOLDER.glob("c*.py"))
DOCUMENT = FOLDER.parent.parent.parent / "docs" / "dlt.md"


@pytest.mark.parametrize("script", SCRIPTS)
def test_finding_is_reproduced_without_loadloom(script, tmp_path):
    assert "import harness" not in (FOLDER / script).read_text()
    ran = subprocess.run(
        [sys.executable, str(FOLDER / script)], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert re.search(r"^REPRODUCED: ", ran.stdout, re.MULTILINE), ran.stdout + ran.stderr
    assert ran.returncode == 0


def test_document_names_every_script():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [script for script in SCRIPTS if f"dlt_scripts/{script}" not in text] == []
