"""Ratings of teams that follow the games, and what they expect of a game.

A team has an offense and a defense, in points per 100 possessions above the league's, and a pace,
in possessions per 48 minutes above the league's. After a date each moves a part of the way to what
its game showed; a new season starts with a part of the old one's.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LEAGUE_OFFENSE, LEAGUE_PACE = 113.0, 99.0
"""points per 100 possessions, possessions per 48 minutes, before any game is known"""
HOME_ADVANTAGE = 1.2
"""points per 100 possessions, for the home team and against the other"""
STEP, PACE_STEP = 0.045, 0.06
"""share of an error a team's rating takes on"""
LEAGUE_STEP, LEAGUE_PACE_STEP = 0.001, 0.005
"""share of a game's error the league's level takes on"""
KEPT = 0.7
"""of a rating, from one season to the next"""
EXPECTATIONS = (
    "expected_offense",
    "expected_defense",
    "expected_pace",
    "expected_points",
    "expected_points_against",
    "expected_margin",
)


@dataclass
class _Ratings:
    """As of a date."""

    league_offense: float = LEAGUE_OFFENSE
    league_pace: float = LEAGUE_PACE
    offense: dict[str, float] = field(default_factory=dict)
    defense: dict[str, float] = field(default_factory=dict)
    pace: dict[str, float] = field(default_factory=dict)
    season: dict[str, str] = field(default_factory=dict)

    def enter(self, team: str, season: str) -> None:
        """Start a team's season, if this is its first game of it."""
        if self.season.get(team) != season:
            for rating in (self.offense, self.defense, self.pace):
                rating[team] = KEPT * rating.get(team, 0.0)
            self.season[team] = season

    def expected(self, home: str, away: str) -> tuple[float, float, float]:
        """Points per 100 possessions of home and away team, and the pace."""
        return (
            self.league_offense + self.offense[home] + self.defense[away] + HOME_ADVANTAGE,
            self.league_offense + self.offense[away] + self.defense[home] - HOME_ADVANTAGE,
            self.league_pace + self.pace[home] + self.pace[away],
        )

    def learn(self, errors: list[tuple[str, str, float, float, float]]) -> None:
        """Take on what the games of a date showed beyond what was expected."""
        for home, away, of_home, of_away, of_pace in errors:
            self.offense[home] += STEP * of_home
            self.defense[away] += STEP * of_home
            self.offense[away] += STEP * of_away
            self.defense[home] += STEP * of_away
            self.pace[home] += PACE_STEP * of_pace
            self.pace[away] += PACE_STEP * of_pace
            self.league_offense += LEAGUE_STEP * (of_home + of_away)
            self.league_pace += LEAGUE_PACE_STEP * of_pace


def expectations(played: "pd.DataFrame", wanted: "pd.DataFrame") -> "pd.DataFrame":
    """What the ratings before a date expect of its games: two rows per row of ``wanted``.

    ``played`` has one row per game: ``game_date``, ``game_id``, ``season``, ``home_team``,
    ``away_team``, ``home_points``, ``away_points``, ``possessions`` (mean of the two teams') and
    ``minutes`` of the game. ``wanted`` has its first five. The columns are ``game_id``, ``team``
    and ``EXPECTATIONS``.
    """
    import pandas as pd

    ratings = _Ratings()
    rows = []
    games, asked = _by_date(played), _by_date(wanted)
    for day in sorted({*games, *asked}):
        for game in (*games.get(day, ()), *asked.get(day, ())):
            ratings.enter(game["home_team"], game["season"])
            ratings.enter(game["away_team"], game["season"])
        for game in asked.get(day, ()):
            home, away, pace = ratings.expected(game["home_team"], game["away_team"])
            rows.append((game["game_id"], game["home_team"], *_of_team(home, away, pace)))
            rows.append((game["game_id"], game["away_team"], *_of_team(away, home, pace)))
        ratings.learn([_errors(ratings, game) for game in games.get(day, ())])
    return pd.DataFrame(rows, columns=["game_id", "team", *EXPECTATIONS])


def _by_date(games: "pd.DataFrame") -> dict[date, list[dict[str, Any]]]:
    found: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for game in games.sort_values(["game_date", "game_id"], kind="stable").to_dict("records"):
        found[game["game_date"]].append(game)
    return found


def _of_team(offense: float, defense: float, pace: float) -> tuple[float, ...]:
    points, against = offense * pace / 100, defense * pace / 100
    return offense, defense, pace, points, against, points - against


def _errors(ratings: _Ratings, game: Mapping[str, Any]) -> tuple[str, str, float, float, float]:
    """The teams, what each scored per 100 possessions beyond what was expected, and the pace."""
    home, away, pace = ratings.expected(game["home_team"], game["away_team"])
    possessions = game["possessions"]
    return (
        game["home_team"],
        game["away_team"],
        100 * game["home_points"] / possessions - home,
        100 * game["away_points"] / possessions - away,
        48 * possessions / game["minutes"] - pace,
    )
