"""The model: what it sees, that it is the same twice, and that a wrong file is refused."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nba_assets.errors import BadInput
from nba_assets.modeling import points_model
from nba_assets.modeling.baselines import rules_core
from nba_assets.modeling.points_model import MINIMUM_ROWS, fit, load, predict, refit_date

FEATURES = ("points_avg_5", "points_avg_10", "points_avg_season", "back_to_back")
MONDAY = date(2024, 2, 5)


def history(days: int = 60, a_day: int = 100) -> pd.DataFrame:
    """Player-games up to ``MONDAY`` whose points follow their averages, a fifth less when tired."""
    draw = np.random.default_rng(3)
    rows = days * a_day
    level = draw.gamma(4, 3, rows)
    dates = [MONDAY - timedelta(days=i) for i in reversed(range(days)) for _ in range(a_day)]
    tired = draw.random(rows) < 0.4
    return pd.DataFrame(
        {
            "game_date": dates,
            "game_id": [f"{i // 20:010d}" for i in range(rows)],
            "player_id": range(rows),
            "points_avg_5": level + draw.normal(0, 2, rows),
            "points_avg_10": level + draw.normal(0, 1, rows),
            "points_avg_season": level + draw.normal(0, 3, rows),
            "back_to_back": pd.array(tired, dtype="boolean"),
            "pts": draw.poisson(np.where(tired, 0.7, 0.9) * level),
        }
    )


def test_the_model_of_a_week_is_trained_as_of_its_monday() -> None:
    assert refit_date(MONDAY) == MONDAY
    assert refit_date(MONDAY + timedelta(days=6)) == MONDAY
    assert refit_date(MONDAY + timedelta(days=7)) == MONDAY + timedelta(days=7)


def test_a_model_sees_nothing_from_its_date_on(tmp_path: Path) -> None:
    rows = history()
    spoiled = rows.assign(pts=rows["pts"].where(rows["game_date"] < MONDAY, 99))
    honest = fit(rows, MONDAY, FEATURES, tmp_path / "honest")
    other = fit(spoiled, MONDAY, FEATURES, tmp_path / "spoiled")

    assert honest is not None
    assert honest == other
    assert honest.trained_through < MONDAY


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rows = history()
    shuffled = rows.sample(frac=1, random_state=1)

    assert fit(rows, MONDAY, FEATURES, tmp_path / "a") == fit(
        shuffled, MONDAY, FEATURES, tmp_path / "b"
    )


def test_changed_history_is_another_model(tmp_path: Path) -> None:
    rows = history()
    corrected = rows.copy()
    corrected.loc[0, "pts"] += 2
    first = fit(rows, MONDAY, FEATURES, tmp_path)
    second = fit(corrected, MONDAY, FEATURES, tmp_path)

    assert first is not None
    assert second is not None
    assert first.model_id != second.model_id


def test_too_little_history_makes_no_model(tmp_path: Path) -> None:
    few = history(days=MINIMUM_ROWS // 100)

    assert fit(few, MONDAY, FEATURES, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_it_learns_more_than_the_rules(tmp_path: Path) -> None:
    fitted = fit(history(), MONDAY, FEATURES, tmp_path)

    assert fitted is not None
    assert fitted.validation_mae < fitted.validation_mae_rules_core


def test_quantiles_are_ordered_and_cover(tmp_path: Path) -> None:
    rows = history()
    fitted = fit(rows, MONDAY, FEATURES, tmp_path)
    assert fitted is not None
    tonight = rows[rows["game_date"] >= MONDAY - timedelta(days=20)].drop(columns="pts")
    median, quantiles = predict(load(asdict(fitted), tmp_path), tonight, fitted.interval)
    points = rows.loc[tonight.index, "pts"].to_numpy()
    inside = (points >= quantiles[:, 0]) & (points <= quantiles[:, 3])

    assert (median >= 0).all()
    assert (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert ((median >= quantiles[:, 1]) & (median <= quantiles[:, 2])).all()
    assert 0.72 < inside.mean() < 0.90


@pytest.mark.parametrize("fault", ["missing", "altered", "features"])
def test_loading_refuses_a_model_that_is_not_the_certified_one(tmp_path: Path, fault: str) -> None:
    fitted = fit(history(), MONDAY, FEATURES, tmp_path)
    assert fitted is not None
    described = asdict(fitted)
    file = tmp_path / fitted.artifact
    if fault == "missing":
        file.unlink()
    elif fault == "altered":
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    else:
        described["features"] = FEATURES[:-1]

    with pytest.raises(BadInput, match=fitted.model_id):
        load(described, tmp_path)


def test_a_stored_model_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = history()
    first = fit(rows, MONDAY, FEATURES, tmp_path)
    monkeypatch.setattr(points_model, "_matrix", None)

    assert fit(rows, MONDAY, FEATURES, tmp_path) == first


def test_the_rules_core_weighs_three_averages() -> None:
    rows = pd.DataFrame(
        {"points_avg_5": [10.0], "points_avg_10": [20.0], "points_avg_season": [40.0]}
    )

    assert rules_core(rows).tolist() == [0.35 * 10 + 0.40 * 20 + 0.25 * 40]


@pytest.mark.parametrize("fault", ["lost", "altered", "described by nothing"])
def test_19_a_lost_model_is_trained_again_to_the_bit(tmp_path: Path, fault: str) -> None:
    rows = history()
    first = fit(rows, MONDAY, FEATURES, tmp_path)
    assert first is not None
    file, description = tmp_path / first.artifact, tmp_path / f"{first.model_id}.json"
    content = file.read_bytes()
    if fault == "lost":
        file.unlink()
    elif fault == "altered":
        file.write_bytes(b"something else")
    else:
        description.write_text("{")

    assert fit(rows, MONDAY, FEATURES, tmp_path) == first

    assert file.read_bytes() == content
    assert load(asdict(first), tmp_path) is not None
