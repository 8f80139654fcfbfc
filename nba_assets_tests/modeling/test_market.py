"""What a line adds: the weight that would have erred least, and how often there was more."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_assets.modeling.market import (
    MINIMUM_LINES,
    UNLEARNED,
    beside_lines,
    chance_of_more,
    line_weight,
)
from nba_assets.modeling.points_model import NEIGHBOURS

MONDAY = date(2024, 2, 5)


def _past(days: int = 40, a_day: int = 60, trust: float = 1.0) -> pd.DataFrame:
    """Points are made of the line and the prediction, the line by ``trust``."""
    draw = np.random.default_rng(5)
    rows = days * a_day
    predicted, line = draw.uniform(4, 30, rows), draw.uniform(4, 30, rows)
    return pd.DataFrame(
        {
            "game_date": np.repeat([MONDAY - timedelta(days=n + 1) for n in range(days)], a_day),
            "game_id": [f"{n // 20:010d}" for n in range(rows)],
            "player_id": range(rows),
            "predicted_points": predicted,
            "line": line,
            "pts": (trust * line + (1 - trust) * predicted + draw.normal(0, 0.5, rows)).round(),
        }
    )


def _tonight(day: date = MONDAY, **other: float) -> pd.DataFrame:
    row = {"game_date": day, "game_id": "1", "player_id": 1, "predicted_points": 10.0, "line": 20.0}
    return pd.DataFrame([row | other])


@pytest.mark.parametrize("trust", [0.0, 0.25, 0.6, 1.0])
def test_the_weight_is_the_one_that_would_have_erred_least(trust: float) -> None:
    past = _past(trust=trust)
    assert line_weight(past) == pytest.approx(trust)
    found = beside_lines(past, _tonight()).iloc[0]
    assert found["line_weight"] == pytest.approx(trust)
    assert found["predicted_beside_line"] == pytest.approx(10 + 10 * trust)


def test_with_few_lines_both_count_the_same() -> None:
    past = _past()
    past.loc[MINIMUM_LINES - 1 :, "line"] = np.nan
    assert beside_lines(past, _tonight()).iloc[0]["line_weight"] == UNLEARNED
    nothing = beside_lines(past.head(0), _tonight()).iloc[0]
    assert nothing["predicted_beside_line"] == 15.0
    assert np.isnan(nothing["over"])


def test_a_week_learns_from_days_before_its_monday_alone() -> None:
    past = _past()
    week = pd.concat([_tonight(MONDAY + timedelta(days=n)) for n in (0, 6)])
    later = past.assign(
        game_date=past["game_date"].map(lambda day: day + timedelta(days=50)), pts=0
    )
    later = later[later["game_date"] >= MONDAY]
    found = beside_lines(past, week)
    again = beside_lines(pd.concat([later, past]).sample(frac=1, random_state=1), week)
    pd.testing.assert_frame_equal(again, found, check_exact=True)
    next_week = beside_lines(pd.concat([later, past]), _tonight(MONDAY + timedelta(days=49)))
    assert next_week.iloc[0]["over"] < found.iloc[0]["over"], "what was learned later counts then"


@settings(max_examples=20, deadline=None)
@given(st.floats(2, 30), st.integers(0, 60).map(lambda n: n / 2))
def test_the_chance_is_what_the_nearest_predictions_had(predicted: float, line: float) -> None:
    draw = np.random.default_rng(1)
    made = draw.uniform(0, 32, 30_000)
    past = pd.DataFrame({"predicted_points": made, "pts": draw.poisson(made)})
    (found,) = chance_of_more(past, pd.Series([predicted]), pd.Series([line]))
    truth = (draw.poisson(predicted, 40_000) > line).mean()
    assert found == pytest.approx(truth, abs=0.06)
    (higher,) = chance_of_more(past, pd.Series([predicted]), pd.Series([line + 1]))
    assert 0 <= higher <= found <= 1


def test_no_chance_is_told_of_too_few() -> None:
    past = _past().head(NEIGHBOURS - 1)
    assert np.isnan(chance_of_more(past, pd.Series([9.0]), pd.Series([8.5]))).all()
