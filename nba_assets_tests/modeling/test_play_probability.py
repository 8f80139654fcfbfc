"""Who plays: certain where it is known, learned from earlier months where it is not."""

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from nba_assets.modeling.play_probability import (
    PRIOR,
    PRIOR_AFTER,
    SIGNALS,
    by_information,
    fits,
    has_all,
)
from nba_assets_tests.modeling.marks import mark_of

DAY = date(2024, 2, 10)


def _row(day: date, player: int, **other: Any) -> dict[str, Any]:
    usual = dict.fromkeys(SIGNALS, 1.0) | {"team_games_missed": 0}
    known = {"list_known": True, "listed_inactive": False, "lineup_known": True}
    known |= {"starts": False, "starts_for_other": False}
    return {"game_date": day, "game_id": f"{day}", "player_id": player} | usual | known | other


def _history(days: int = 200) -> pd.DataFrame:
    """Who missed the game before misses this one too."""
    draw = np.random.default_rng(1)
    rows = []
    for number in range(days):
        for player in range(20):
            missed = int(draw.random() < 0.3)
            played = draw.random() < (0.1 if missed else 0.95)
            day = DAY - timedelta(days=number)
            rows.append(_row(day, player, team_games_missed=missed, played=played))
    return pd.DataFrame(rows)


def _by_information(
    history: pd.DataFrame, wanted: pd.DataFrame, folder: Path | None = None
) -> pd.DataFrame:
    with TemporaryDirectory() as other:
        return by_information(history, wanted, fits(folder or Path(other), mark_of(history)))


def _plays(history: pd.DataFrame, *rows: dict[str, Any]) -> dict[tuple[str, int], float]:
    found = _by_information(history, pd.DataFrame(rows))
    keys = zip(found["information_set"], found["player_id"], strict=True)
    return dict(zip(keys, found["plays"], strict=True))


def test_what_a_set_knows_is_certain_and_what_it_does_not_is_not_told() -> None:
    rows = (
        _row(DAY, 1, starts=True),
        _row(DAY, 2, listed_inactive=True),
        _row(DAY, 3, team_games_missed=1),
    )
    found = _by_information(_history(), pd.DataFrame(rows))
    told = found.set_index(["information_set", "player_id"])
    assert told.loc[("availability", 2), "plays"] == 0.0
    assert told.loc[("lineup", 1), "plays"] == 1.0
    assert told.loc[("lineup", 2), "plays"] == 0.0
    assert 0 < told.loc[("morning", 2), "plays"] < 1
    assert told.loc["morning"][["listed_inactive", "starts"]].isna().all(axis=None)
    assert told.loc["availability"]["starts"].isna().all()
    assert told.loc["lineup"]["listed_inactive"].notna().all()


def test_a_set_a_game_does_not_have_has_no_rows_and_starters_alone_fall_back() -> None:
    without = {"list_known": False, "lineup_known": False}
    assert {known for known, _ in _plays(_history(), _row(DAY, 1, **without))} == {"morning"}
    plays = _plays(_history(), _row(DAY, 1, list_known=False), _row(DAY, 2, list_known=False))
    assert {known for known, _ in plays} == {"morning", "lineup"}
    assert plays["lineup", 1] == plays["morning", 1]


def test_it_learns_from_months_before_and_from_nothing_else() -> None:
    history = _history()
    rows = (_row(DAY, 1), _row(DAY, 2, team_games_missed=1))
    plays = _plays(history, *rows)
    assert plays["morning", 1] == pytest.approx(0.95, abs=0.05)
    assert plays["morning", 2] == pytest.approx(0.1, abs=0.1)
    spoiled = history.assign(
        played=history["played"].where(history["game_date"] < DAY.replace(day=1), other=False)
    )
    assert _plays(spoiled.sample(frac=1, random_state=1), *rows) == plays


@pytest.mark.parametrize(
    ("missed", "expected"), [(0, PRIOR[0]), (2, PRIOR[2]), (9, PRIOR_AFTER), (None, PRIOR_AFTER)]
)
def test_too_little_history_leaves_the_prior(missed: int | None, expected: float) -> None:
    plays = _plays(_history(10), _row(DAY, 1, team_games_missed=missed))
    assert plays["morning", 1] == expected


def test_one_model_an_information_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the starters never sees who started, that of the list never who was on it."""
    history = _history(400).assign(minutes_last=lambda rows: rows["player_id"].astype(float))
    history.loc[history["player_id"] < 5, "starts"] = True
    history.loc[history["player_id"] > 15, "listed_inactive"] = True
    seen: list[set[int]] = []
    fitted = xgb.train

    def watch(parameters: dict[str, Any], train: xgb.DMatrix, rounds: int) -> xgb.Booster:
        last = train.get_data().toarray()[:, SIGNALS.index("minutes_last")]
        seen.append({int(player) for player in last})
        return fitted(parameters, train, rounds)

    monkeypatch.setattr(xgb, "train", watch)
    _plays(history, _row(DAY, 1))
    everyone = set(range(20))
    assert seen == [everyone, everyone - {*range(16, 20)}, {*range(5, 16)}]


def test_what_was_fitted_is_not_read_for_again(tmp_path: Path) -> None:
    history, rows = _history(), pd.DataFrame([_row(DAY, 1), _row(DAY, 2, team_games_missed=1)])
    kept = fits(tmp_path, mark_of(history))
    assert not has_all([DAY], kept)
    found = by_information(history, rows, kept)
    assert has_all([DAY, DAY.replace(day=1)], kept)
    again = by_information(None, rows, kept)
    pd.testing.assert_frame_equal(again, found, check_exact=True)
    corrected = fits(tmp_path, mark_of(history.assign(played=True)))
    assert not has_all([DAY], corrected)
    with pytest.raises(ValueError, match="no fit of everyone as of 2024-02-01 is kept"):
        by_information(None, rows, corrected)


def test_that_there_is_too_little_is_known_without_reading_it_again(tmp_path: Path) -> None:
    history, rows = _history(10), pd.DataFrame([_row(DAY, 1)])
    kept = fits(tmp_path, mark_of(history))
    found = by_information(history, rows, kept)
    assert has_all([DAY], kept)
    pd.testing.assert_frame_equal(by_information(None, rows, kept), found, check_exact=True)
