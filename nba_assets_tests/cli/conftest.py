"""What every test of a command needs."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with the instance a checkout has."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
