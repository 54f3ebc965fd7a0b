"""What every test of streams begins with."""

import sys
from types import ModuleType

import pytest


@pytest.fixture(autouse=True)
def _nothing_is_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process begins by running `__main__` again, which a test of a page may have made its script."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
