"""Fixtures every test may use."""

import shutil
from pathlib import Path

import pytest

from nba_assets_tests.tiny_league import Sandbox, TinyLeague


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def league() -> TinyLeague:
    """A league of this test alone."""
    return TinyLeague()


@pytest.fixture
def empty(tmp_path: Path) -> Sandbox:
    """A prepared deployment in which nothing was built yet."""
    deployment = Sandbox(tmp_path / "data")
    deployment.publisher()
    return deployment


@pytest.fixture(scope="session")
def whole_season(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A deployment in which every date of every table was built once; only to be read."""
    deployment = Sandbox(tmp_path_factory.mktemp("whole_season"))
    deployment.build_all()
    return deployment


@pytest.fixture
def built(whole_season: Sandbox, tmp_path: Path) -> Sandbox:
    """A copy of ``whole_season`` of this test alone."""
    folder = tmp_path / "data"
    shutil.copytree(whole_season.folder, folder)
    return Sandbox(folder, runs=whole_season.runs)
