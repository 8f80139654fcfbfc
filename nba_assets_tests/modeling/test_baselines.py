"""Predictors that a model must beat."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from nba_assets.modeling.baselines import RIDGE_FEATURES, ridge

DAY = date(2024, 2, 10)


def _rows(days: int = 60, a_day: int = 30) -> pd.DataFrame:
    """Points are twice one feature and three times another, whatever the rest."""
    draw = np.random.default_rng(5)
    features = pd.DataFrame(
        draw.normal(10, 2, (days * a_day, len(RIDGE_FEATURES))), columns=list(RIDGE_FEATURES)
    )
    dates = [DAY - timedelta(days=number // a_day) for number in range(len(features))]
    points = 2 * features["points_avg_5"] + 3 * features["minutes_avg_10"]
    return features.assign(game_date=dates, pts=points)


def test_ridge_finds_what_is_linear_from_months_before_alone() -> None:
    rows = _rows()
    wanted = rows[rows["game_date"] == DAY]
    told = ridge(rows, wanted)
    assert told.to_numpy() == pytest.approx(wanted["pts"].to_numpy(), abs=0.5)
    spoiled = rows.assign(pts=rows["pts"].where(rows["game_date"] < date(2024, 2, 1), 0.0))
    pd.testing.assert_series_equal(ridge(spoiled, wanted), told, check_exact=True)


def test_ridge_takes_what_is_unknown_for_the_mean_and_is_never_negative() -> None:
    rows = _rows()
    wanted = rows[rows["game_date"] == DAY].head(2).copy()
    wanted.loc[wanted.index[0], list(RIDGE_FEATURES)] = np.nan
    wanted.loc[wanted.index[1], list(RIDGE_FEATURES)] = -100.0
    mean = rows.loc[rows["game_date"] < date(2024, 2, 1), "pts"].mean()
    assert ridge(rows, wanted).tolist() == [pytest.approx(mean), 0.0]


def test_ridge_says_nothing_where_nothing_was_before() -> None:
    rows = _rows(5)
    assert ridge(rows, rows).isna().all()
