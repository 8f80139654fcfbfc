"""Minutes from months before; the team shares 240 of them and the points it is to score."""

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_assets.modeling import random_features
from nba_assets.modeling.expected_minutes import (
    LEAST,
    MEMORY,
    MEMORY_DAYS,
    MEMORY_GAMES,
    RATES,
    SIGNALS,
    expected,
    fits,
    has_all,
    of_team,
)
from nba_assets.modeling.information import InformationSet
from nba_assets_tests.modeling.marks import mark_of

DAY = date(2024, 2, 10)
_KEY = ("player_id", "information_set")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regressions on a few random sums: what is tested here does not depend on how many."""
    monkeypatch.setattr(random_features, "HIDDEN", 20)


def _row(day: date, player: int, **other: Any) -> dict[str, Any]:
    usual = {name: 1.0 for name in SIGNALS if name not in MEMORY}
    rates = dict.fromkeys((*RATES.values(), "used_per_minute_60"), 0.5)
    return {
        "game_date": day,
        "game_id": f"{day}",
        "team": "BOS",
        "player_id": player,
        "information_set": "morning",
        **usual,
        **rates,
        "expected_points": 110.0,
        "similar_minutes": 24.0,
    } | other


def _history(days: int = 300, players: int = 12) -> pd.DataFrame:
    """Minutes follow ``typical_minutes_ewm_5``, whatever the kernel says."""
    draw = np.random.default_rng(2)
    rows = []
    for number in range(days):
        for player in range(players):
            typical = 8 + 2.5 * player
            rows.append(
                _row(
                    DAY - timedelta(days=number), player, typical_minutes_ewm_5=typical,
                    minutes=typical + draw.normal(0, 2),
                )
            )  # fmt: skip
    return pd.DataFrame(rows)


def _expected(history: pd.DataFrame, rows: pd.DataFrame, workers: int) -> pd.DataFrame:
    with TemporaryDirectory() as folder:
        kept = fits(Path(folder), mark_of(history))
        return expected(history, history, rows, kept, workers)


def test_it_learns_from_months_before_and_from_nothing_else() -> None:
    history = _history()
    rows = pd.DataFrame([_row(DAY, n, typical_minutes_ewm_5=8 + 2.5 * n) for n in range(12)])
    found = _expected(history, rows, 1)
    told = found["expected_minutes"].to_numpy()
    assert told == pytest.approx(8 + 2.5 * np.arange(12), abs=2.5)
    spoiled = history.assign(
        minutes=history["minutes"].where(history["game_date"] < DAY.replace(day=1), 40.0)
    )
    spoiled = spoiled[spoiled["game_date"] != DAY.replace(day=1)]
    again = _expected(spoiled.sample(frac=1, random_state=1), rows, 2)
    assert not np.allclose(again[list(MEMORY)], found[list(MEMORY)]), "his last games count"
    late = _expected(history[history["game_date"] < DAY], rows, 2)
    pd.testing.assert_frame_equal(late, found, check_exact=True)


def test_too_little_history_leaves_the_kernel() -> None:
    rows = pd.DataFrame([_row(DAY, 1), _row(DAY, 2, similar_minutes=0.1)])
    found = _expected(_history(20), rows, 1)
    assert list(found["expected_minutes"]) == [24.0, LEAST]


def test_sets_are_fitted_apart() -> None:
    lineup = _history().assign(information_set="lineup", minutes=5.0)
    history = pd.concat([_history(), lineup])
    rows = pd.DataFrame(
        [_row(DAY, 8, typical_minutes_ewm_5=28.0, information_set=str(k)) for k in InformationSet]
    )
    found = _expected(history, rows, 2).set_index("information_set")["expected_minutes"]
    assert found["morning"] == pytest.approx(28, abs=3)
    assert found["lineup"] == pytest.approx(5, abs=1)
    assert found["availability"] == 24.0, "nothing was seen of it"


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 2), st.integers(1, 400), st.floats(-20, 20)),
        max_size=45,
        unique_by=lambda game: game[:2],
    )
)
def test_memory_is_the_weighted_mean_of_his_last_games(
    games: list[tuple[int, int, float]],
) -> None:
    history = pd.DataFrame(
        [_row(DAY - timedelta(days=ago), who, minutes=24.0 + by) for who, ago, by in games],
        columns=[*_row(DAY, 1), "minutes"],
    )
    found = _expected(history, pd.DataFrame([_row(DAY, 1)]), 1).iloc[0]
    mine = sorted((ago, by) for who, ago, by in games if who == 1 and ago <= MEMORY_DAYS)
    mine = mine[:MEMORY_GAMES]
    for name, halflife in zip(MEMORY, (1.5, 4.0, 12.0, 10.0), strict=True):
        weights = 0.5 ** (np.arange(1, len(mine) + 1) / halflife)
        values = np.array([abs(by) if name == MEMORY[-1] else by for _, by in mine])
        if mine:
            assert found[name] == pytest.approx(float(np.average(values, weights=weights)))
        else:
            assert np.isnan(found[name])


def test_the_team_shares_minutes_use_and_points() -> None:
    rows = pd.DataFrame(
        [
            _row(DAY, player, plays=plays, expected_minutes=minutes)
            for player, plays, minutes in ((1, 1.0, 36.0), (2, 0.5, 30.0), (3, 0.0, 20.0))
        ]
        + [_row(DAY, 9, team="NYK", plays=1.0, expected_minutes=40.0)]
    )
    found = of_team(rows)
    assert list(found["team_minutes"]) == [51.0, 66.0, 71.0, 40.0], "each certain himself"
    assert found["minutes_of_240"].iloc[0] == 36.0 * 240 / 200, "no team is that short"
    assert found["use_share"].iloc[1] == pytest.approx(15.0 / 33.0)
    assert found["team_points"].iloc[0] == 25.5
    assert found["points_of_team"].iloc[0] == pytest.approx(18.0 * 1.2)
    lower = of_team(rows.assign(expected_points=76.0))
    assert lower["points_of_team"].iloc[0] == pytest.approx(18.0 * 76 / 80)


def test_what_was_fitted_is_not_read_for_again(tmp_path: Path) -> None:
    history = _history()
    rows = pd.DataFrame([_row(DAY, n, typical_minutes_ewm_5=8 + 2.5 * n) for n in range(12)])
    recent = history[history["game_date"] >= DAY - timedelta(days=MEMORY_DAYS)]
    memory = recent[["game_date", "game_id", *_KEY, "minutes", "similar_minutes"]]
    kept = fits(tmp_path, mark_of(history))
    assert not has_all([DAY], kept)
    found = expected(history, history, rows, kept, 1)
    assert has_all([DAY, DAY.replace(day=1)], kept)
    again = expected(None, memory, rows, kept, 2)
    pd.testing.assert_frame_equal(again, found, check_exact=True)
    corrected = fits(tmp_path, mark_of(history.assign(minutes=1.0)))
    with pytest.raises(ValueError, match=r"no fit of .* as of 2024-02-01 is kept"):
        expected(None, memory, rows, corrected, 1)
