"""Errors on the same rows, what chance makes of them, and baselines that see earlier games only."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_assets.modeling.evidence import (
    PRIOR_MINUTES,
    PRIOR_RATE,
    covered,
    deciles,
    from_history,
    scores,
)

FIRST = date(2024, 2, 4)


def _rows(days: int = 40, a_day: int = 60, seed: int = 1) -> pd.DataFrame:
    """Points of chance, and three predictors: one good, one worse by half a point, one a copy."""
    chance = np.random.default_rng(seed)
    number = days * a_day
    expected = chance.gamma(2.0, 5.0, number)
    points = chance.poisson(expected).astype(float)
    return pd.DataFrame(
        {
            "game_date": [FIRST + timedelta(days=n // a_day) for n in range(number)],
            "pts": points,
            "good": expected,
            "worse": np.abs(expected - points) / np.where(expected > points, 1, -1)
            + points
            + np.where(expected > points, 0.5, -0.5),
            "same": expected,
            "points_q10": expected - 4,
            "points_q25": expected - 2,
            "points_q75": expected + 2,
            "points_q90": expected + 4,
        }
    )


def test_the_error_is_the_mean_absolute_one_and_its_rounded_form() -> None:
    rows = pd.DataFrame(
        {"game_date": [FIRST] * 3, "pts": [10.0, 0.0, 7.0], "a": [12.4, 0.6, 7.0], "b": 1.0}
    )
    a, b = scores(rows, ("a", "b"))
    assert (a.predictor, a.n) == ("a", 3)
    assert a.mae == pytest.approx((2.4 + 0.6 + 0) / 3)
    assert a.mae_rounded == pytest.approx((2 + 1 + 0) / 3)
    assert a.bias == pytest.approx((2.4 + 0.6) / 3)
    assert b.mae == pytest.approx((9 + 1 + 6) / 3)
    assert scores(rows.iloc[:0], ("a",)) == []


def test_a_difference_that_is_there_excludes_zero_and_none_does_not() -> None:
    good, worse, same = scores(_rows(), ("good", "worse", "same"))
    against = good.against["worse"]
    assert against.low == pytest.approx(-0.5)
    assert against.high == pytest.approx(-0.5)
    assert worse.against["good"].low == pytest.approx(0.5)
    assert good.against["same"].low == same.against["good"].high == 0.0
    chance = _rows(seed=2)
    mixed = np.random.default_rng(3).permutation(chance["good"].to_numpy())
    first, _ = scores(chance.assign(first=mixed, second=mixed[::-1]), ("first", "second"))
    assert first.against["second"].low < 0 < first.against["second"].high


def test_days_are_resampled_whole() -> None:
    """Rows that repeat within a day tell no more than one of them: the interval stays as wide."""
    rows = _rows(days=20, a_day=5).assign(flat=10.0)
    often = pd.concat([rows] * 8, ignore_index=True)
    once, eight = (scores(one, ("good", "flat"))[0].against["flat"] for one in (rows, often))
    assert eight.high - eight.low == pytest.approx(once.high - once.low)


def test_of_few_days_no_interval_is_told() -> None:
    """All resamples of one day are that day: it would be certain of anything."""
    good, _ = scores(_rows(days=4), ("good", "worse"))
    assert good.against == {}
    good, _ = scores(_rows(days=5), ("good", "worse"))
    assert good.against["worse"].high < 0


def test_the_same_rows_in_another_order_tell_the_same() -> None:
    rows = _rows(days=10)
    mixed = rows.sample(frac=1, random_state=3)
    one, other = (scores(found, ("good", "worse"))[0].against["worse"] for found in (rows, mixed))
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_a_prediction_that_is_missing_is_refused() -> None:
    rows = _rows(days=2)
    rows.loc[3, "good"] = np.nan
    with pytest.raises(ValueError, match="predictions of good are missing"):
        scores(rows, ("good", "worse"))


def test_intervals_are_counted_with_their_ends_and_by_tenth() -> None:
    rows = pd.DataFrame(
        {
            "pts": [1.0, 2, 3, 4, 5],
            "p": [3.0] * 5,
            "points_q10": 1.0,
            "points_q25": 2.0,
            "points_q75": 4.0,
            "points_q90": 4.0,
        }
    )
    assert covered(rows) == (0.8, 0.6)
    tenths = deciles(_rows(), "good")
    assert [one.n for one in tenths] == [240] * 10
    assert [one.mean_prediction for one in tenths] == sorted(t.mean_prediction for t in tenths)
    whole = covered(_rows())
    assert np.mean([one.covered_80 for one in tenths]) == pytest.approx(whole[0])
    assert tenths[0].covered_80 > tenths[-1].covered_80, "a fixed width covers small points better"


games = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 1),
        st.integers(0, 60),
        st.floats(0.1, 48, allow_nan=False),
    ),
    min_size=1,
    max_size=25,
)


@given(games)
def test_baselines_of_a_game_are_formulas_of_the_earlier_ones_of_its_season(
    listed: list[tuple[int, int, int, float]],
) -> None:
    played = pd.DataFrame(
        [
            {
                "season": f"202{season}-2{season + 1}",
                "player_id": player,
                "game_date": FIRST + timedelta(days=365 * season + number),
                "game_id": f"{number:010d}",
                "pts": points,
                "minutes": minutes,
            }
            for number, (player, season, points, minutes) in enumerate(listed)
        ]
    )
    found = from_history(played.sample(frac=1, random_state=1)).set_index("game_id")
    assert len(found) == len(played)
    for number, row in played.iterrows():
        before = played.iloc[:number]
        mine = before[
            (before["player_id"] == row["player_id"]) & (before["season"] == row["season"])
        ]
        told = found.loc[row["game_id"]]
        if mine.empty:
            assert told[["ewma_5", "hindsight_minutes"]].isna().all()
            continue
        weights = 0.5 ** (np.arange(len(mine))[::-1] / 5)
        assert told["ewma_5"] == pytest.approx(np.average(mine["pts"], weights=weights))
        rate = (mine["pts"].sum() + PRIOR_MINUTES * PRIOR_RATE) / (
            mine["minutes"].sum() + PRIOR_MINUTES
        )
        assert told["hindsight_minutes"] == pytest.approx(rate * row["minutes"])
