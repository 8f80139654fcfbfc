"""A player's state is a formula of his earlier games alone."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_assets.modeling.player_state import (
    LONGEST_ROW,
    MEANS,
    NUMBERS,
    RATE_PRIOR,
    RATE_PRIOR_MINUTES,
    SEEN_AS,
    SHOT_PRIORS,
    after_each_game,
    before,
    presence,
)

FIRST = date(2023, 11, 1)
counts = st.integers(0, 30)
lines = st.fixed_dictionaries(
    {
        **{n: counts for n in NUMBERS if n not in ("starter", "team_minutes", "margin", "minutes")},
        "minutes": st.floats(0.5, 48),
        "starter": st.sampled_from([0.0, 1.0, None]),
        "team_minutes": st.sampled_from([240.0, 265.0]),
        "margin": st.integers(-40, 40),
        "player_id": st.integers(1, 3),
        "team": st.sampled_from(["BOS", "NYK"]),
        "position": st.sampled_from(["PG", "C", "PF", "?", None]),
    }
)


def _line(value: float) -> dict[str, Any]:
    """A game of a player with every count the same."""
    told = {"player_id": 1, "team": "BOS", "team_minutes": 240.0, "position": None}
    return dict.fromkeys(NUMBERS, value) | told


def _played(listed: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                **line,
                "game_date": FIRST + timedelta(days=number),
                "game_id": f"{number:010d}",
                "season": "2023-24" if number % 2 else "2024-25",
            }
            for number, line in enumerate(listed)
        ]
    )


def _ewm(values: pd.Series, halflife: float) -> float:
    kept = values.astype(float)
    weights = 0.5 ** (np.arange(kept.notna().sum())[::-1] / halflife)
    return float(np.average(kept.dropna(), weights=weights)) if len(weights) else float("nan")


def _sum(values: pd.Series, halflife: float) -> float:
    return float((values.astype(float) * 0.5 ** (np.arange(len(values))[::-1] / halflife)).sum())


@settings(max_examples=40, deadline=None)
@given(st.lists(lines, min_size=1, max_size=14))
def test_every_column_is_the_formula_it_says(listed: list[dict[str, Any]]) -> None:
    played = _played(listed)
    found = after_each_game(played.sample(frac=1, random_state=1))
    assert len(found) == len(played)
    for player, his in played.groupby("player_id"):
        told = found[found["player_id"] == player].iloc[-1]
        minutes = his["minutes"] * 48 / (his["team_minutes"] / 5)
        assert told["history_through"] == his["game_date"].iloc[-1]
        assert told["games_ever"] == len(his)
        expected = {
            "points_ewm_5": _ewm(his["pts"], 5),
            "plus_minus_ewm_20": _ewm(his["plus_minus"], 20),
            "starter_ewm_5": _ewm(his["starter"], 5),
            "margin_ewm_2": _ewm(his["margin"].abs(), 2),
            "points_starting": _ewm(his["pts"].where(his["starter"] == 1), 8),
            "minutes_from_bench": _ewm(minutes.where(his["starter"] == 0), 8),
            "three_share": (_sum(his["fg3m"], 80) + 200 * 0.352) / (_sum(his["fg3a"], 80) + 200),
            "points_per_minute_15": (_sum(his["pts"], 15) + RATE_PRIOR_MINUTES * RATE_PRIOR)
            / (_sum(his["minutes"], 15) + RATE_PRIOR_MINUTES),
            "points_median_10": float(his["pts"].iloc[-10:].median()),
            "points_std_20": float(his["pts"].std()) if len(his) > 2 else float("nan"),
            "minutes_last": float(minutes.iloc[-1]),
        }
        assert told[list(expected)].to_dict() == pytest.approx(expected, nan_ok=True)
        season = his[his["season"] == his["season"].iloc[-1]]
        assert told["points_ewm_5_season"] == pytest.approx(_ewm(season["pts"], 5))


@settings(max_examples=40, deadline=None)
@given(st.lists(lines, min_size=2, max_size=14), st.data())
def test_no_later_game_and_no_other_player_changes_a_state(
    listed: list[dict[str, Any]], data: st.DataObject
) -> None:
    played = _played(listed)
    cut = data.draw(st.integers(1, len(played) - 1))
    whole = after_each_game(played)
    part = after_each_game(played.iloc[:cut])
    kept = whole[whole["history_through"] < played["game_date"].iloc[cut]]
    pd.testing.assert_frame_equal(
        kept.reset_index(drop=True), part.reset_index(drop=True), check_exact=True
    )
    alone = after_each_game(played[played["player_id"] == played["player_id"].iloc[0]])
    his = whole[whole["player_id"] == played["player_id"].iloc[0]]
    pd.testing.assert_frame_equal(
        his.reset_index(drop=True), alone.reset_index(drop=True), check_exact=True
    )


def test_a_decided_game_is_no_loss_of_role_and_no_luck_of_shots_is_kept() -> None:
    line = _line(0)
    starter = line | {"minutes": 36.0, "starter": 1.0, "fga": 10, "fgm": 10, "pts": 20}
    close, decided = starter | {"margin": 11}, starter | {"margin": 35, "minutes": 30.0}
    after = after_each_game(_played([close, close, close, decided])).iloc[-1]
    steady = after_each_game(_played([close, close, close, close])).iloc[-1]
    drop = steady["minutes_last"] - after["minutes_last"]
    assert steady["typical_minutes_ewm_2"] - after["typical_minutes_ewm_2"] < 0.1 * drop
    attempts, league = SHOT_PRIORS["two"]
    made = _sum(pd.Series([10, 10, 10, 10]), 60)
    share = (made + attempts * league) / (made + attempts)
    assert steady["two_share"] == pytest.approx(share)
    assert steady["expected_points_ewm_5"] < 20, "all ten made is luck"


def test_the_state_before_a_game_is_that_after_the_last_one_before_its_date() -> None:
    line = _line(1)
    states = after_each_game(_played([line | {"player_id": 1, "pts": n} for n in (10, 20, 30)]))
    wanted = pd.DataFrame(
        {
            "player_id": [1, 1, 1, 2],
            "game_date": [FIRST + timedelta(days=n) for n in (9, 2, 0, 9)],
            "game_id": list("abcd"),
        }
    )
    found = before(states, wanted)
    assert dict(zip(found["game_id"], found["points_last"], strict=True)) == {"b": 20, "a": 30}
    assert (found["history_through"] < found["game_date"]).all()


def test_what_was_not_published_is_left_out() -> None:
    line = _line(2)
    found = after_each_game(_played([line, line | {"pf": None, "starter": None, "oreb": None}]))
    last = found.iloc[-1]
    assert (last["pf_ewm_20"], last["oreb_ewm_20"]) == (2.0, 2.0)
    assert np.isnan(last["started_last"])
    assert {f"{name}_ewm_{h}" for h, names in MEANS.items() for name in names} <= set(found)


listings = st.lists(
    st.tuples(
        st.integers(1, 2), st.sampled_from(["BOS", "NYK"]), st.integers(0, 14),
        st.sampled_from(SEEN_AS),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda line: (line[0], line[2]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(listings, st.integers(0, 16), st.sampled_from(["BOS", "NYK"]))
def test_presence_counts_the_games_of_his_team_before_the_date(
    listed: list[tuple[int, str, int, str]], on: int, team: str
) -> None:
    day = FIRST + timedelta(days=on)
    lines_ = pd.DataFrame(
        [
            (player, its, FIRST + timedelta(days=n), f"{its}{n:03d}", status)
            for player, its, n, status in listed
        ],
        columns=["player_id", "team", "game_date", "game_id", "status"],
    )
    games = pd.DataFrame(
        [
            (its, FIRST + timedelta(days=n), f"{its}{n:03d}")
            for its in ("BOS", "NYK")
            for n in sorted({n for _, _, n, _ in listed})
        ],
        columns=["team", "game_date", "game_id"],
    )
    wanted = pd.DataFrame({"player_id": [2, 1], "team": team, "game_date": day}, index=[7, 3])
    found = presence(lines_.sample(frac=1, random_state=1), games.iloc[::-1], wanted)

    assert list(found.index) == [7, 3]
    earlier = games[(games["team"] == team) & (games["game_date"] < day)]["game_id"]
    for row, player in ((7, 2), (3, 1)):
        told, his = found.loc[row], lines_[lines_["player_id"] == player]
        his = his[his["game_date"] < day]
        there = earlier.isin(his[(his["status"] == "PLAYED") & (his["team"] == team)]["game_id"])
        there = there.to_list()
        assert told["played_of_last_10"] == sum(there[-10:])
        assert told["played_of_last_3"] == sum(there[-3:])
        if any(there):
            last = max(n for n, was in enumerate(there) if was)
            row_of = 0
            while row_of <= last and there[last - row_of]:
                row_of += 1
            assert told["team_games_missed"] == len(there) - 1 - last
            assert told["played_in_a_row"] == min(row_of, LONGEST_ROW)
        else:
            assert pd.isna(told["team_games_missed"])
            assert told["played_in_a_row"] == 0
        if his.empty:
            assert pd.isna(told["last_seen_as"])
        else:
            latest = his.loc[his["game_date"].idxmax(), "status"]
            assert told["last_seen_as"] == SEEN_AS.index(latest) + 1
