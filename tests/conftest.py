from __future__ import annotations

import itertools

import pytest

_numbers = itertools.count()


@pytest.fixture(scope="session")
def _shelves(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.getbasetemp() / "failing-tokens"


@pytest.fixture(autouse=True)
def _own_failing_tokens(_shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failing tokens of one test are none of another's, and nothing is left in the checkout."""
    monkeypatch.setenv("LOADLOOM_TOKENS", str(_shelves / str(next(_numbers))))
