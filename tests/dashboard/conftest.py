"""What every test of a page begins with."""

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that pages read from."""
    monkeypatch.setenv("BAROGRAPH_HOME", str(tmp_path))
    return tmp_path
