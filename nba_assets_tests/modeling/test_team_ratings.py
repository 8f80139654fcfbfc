"""Ratings follow the games, and know nothing of a date before it is over."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_assets.modeling.team_ratings import (
    EXPECTATIONS,
    HOME_ADVANTAGE,
    LEAGUE_OFFENSE,
    LEAGUE_PACE,
    LEAGUE_STEP,
    STEP,
    expectations,
)

FIRST = date(2023, 11, 1)
TEAMS = ("BOS", "NYK", "LAL", "DEN")


def _game(number: int, day: int, home: str, away: str, **other: Any) -> dict[str, Any]:
    return {
        "game_date": FIRST + timedelta(days=day),
        "game_id": f"{number:010d}",
        "season": "2023-24",
        "home_team": home,
        "away_team": away,
        "home_points": 110,
        "away_points": 104,
        "possessions": 100.0,
        "minutes": 48.0,
    } | other


def _expected(played: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> pd.DataFrame:
    games = pd.DataFrame(played, columns=list(_game(0, 0, "BOS", "NYK")))
    return expectations(games, pd.DataFrame(wanted)).set_index(["game_id", "team"])


def test_before_any_game_a_team_is_the_league_and_home_is_worth_something() -> None:
    asked = _game(1, 0, "BOS", "NYK")
    home = _expected([], [asked]).loc[asked["game_id"], "BOS"]
    assert home["expected_offense"] == LEAGUE_OFFENSE + HOME_ADVANTAGE
    assert home["expected_pace"] == LEAGUE_PACE
    assert home["expected_margin"] == pytest.approx(2 * HOME_ADVANTAGE * LEAGUE_PACE / 100)


def test_a_part_of_what_a_game_showed_is_taken_on() -> None:
    played, asked = _game(1, 0, "BOS", "NYK", home_points=124), _game(2, 2, "BOS", "LAL")
    told = _expected([played], [asked]).loc[asked["game_id"], "BOS"]
    surprise = 124 - LEAGUE_OFFENSE - HOME_ADVANTAGE
    level = LEAGUE_STEP * (surprise + 104 - LEAGUE_OFFENSE + HOME_ADVANTAGE)
    assert told["expected_offense"] == pytest.approx(
        LEAGUE_OFFENSE + level + HOME_ADVANTAGE + STEP * surprise
    )


def test_a_new_season_keeps_a_part() -> None:
    played = _game(1, 0, "BOS", "NYK", home_points=130)
    same, new = _game(2, 2, "BOS", "LAL"), _game(2, 2, "BOS", "LAL", season="2024-25")
    games = [_expected([played], [asked])["expected_offense"].iloc[0] for asked in (same, new)]
    other = _expected([played], [_game(2, 2, "LAL", "DEN")])["expected_offense"].iloc[0]
    assert other < games[1] < games[0]


fixtures = st.lists(
    st.tuples(
        st.integers(0, 12), st.permutations(TEAMS), st.integers(80, 140), st.integers(80, 140)
    ),
    min_size=2,
    max_size=20,
    unique_by=lambda game: game[0],
)


@settings(max_examples=40, deadline=None)
@given(fixtures)
def test_a_date_is_expected_from_earlier_dates_alone_one_by_one_or_together(
    listed: list[tuple[int, list[str], int, int]],
) -> None:
    played = [
        _game(number, day, teams[0], teams[1], home_points=home, away_points=away)
        for number, (day, teams, home, away) in enumerate(listed)
    ]
    together = _expected(played, played)
    assert list(together.columns) == list(EXPECTATIONS)
    for game in played:
        earlier = [other for other in played if other["game_date"] < game["game_date"]]
        alone = _expected(earlier, [game])
        pd.testing.assert_frame_equal(
            together.loc[[game["game_id"]]].sort_index(), alone.sort_index(), check_exact=True
        )
