"""Fixtures every test may use."""

import shutil
from pathlib import Path

import pytest

from nba_assets.modeling import (
    expected_minutes,
    play_probability,
    points_model,
    random_features,
)
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


@pytest.fixture(scope="session")
def season_with_models(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """As ``whole_season``, with models of ``small_models``; only to be read."""
    deployment = Sandbox(tmp_path_factory.mktemp("season_with_models"))
    with pytest.MonkeyPatch.context() as patch:
        fit_small(patch)
        deployment.build_all()
    return deployment


@pytest.fixture
def predicted(season_with_models: Sandbox, small_models: None, tmp_path: Path) -> Sandbox:
    """A copy of ``season_with_models`` of this test alone."""
    folder = tmp_path / "data"
    shutil.copytree(season_with_models.folder, folder)
    return Sandbox(folder, runs=season_with_models.runs)


@pytest.fixture
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is fitted anew every date, on the few rows of a small league, in few rounds."""
    fit_small(monkeypatch)


def fit_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``small_models`` does."""
    for module in (expected_minutes, play_probability, points_model):
        monkeypatch.setattr(module, "refit_date", lambda day: day)
        monkeypatch.setattr(module, "ROUNDS", 5)
        monkeypatch.setattr(module, "MINIMUM_ROWS", 60)
    for module in (expected_minutes, points_model):
        monkeypatch.setattr(module, "REGRESSIONS", 1)
    monkeypatch.setattr(random_features, "HIDDEN", 20)
    monkeypatch.setattr(random_features, "REWEIGHTED", 1)
    monkeypatch.setattr(points_model, "proof_date", lambda day: day)
    monkeypatch.setattr(points_model, "MINIMUM_ROWS", 200)
    monkeypatch.setattr(points_model, "PROVEN_SHARE", 0.5)
