"""``team_ratings``: what ratings that follow the games expect of each scheduled game."""

from typing import TYPE_CHECKING

from nba_assets.contracts.arrow import rows_of
from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, TEAM
from nba_assets.contracts.contract import TWO_TEAMS, Column, Contract, Due, Figure, SetRule
from nba_assets.contracts.dated_table import Build, Computed, DatedTable, FromPython, Read, Scope
from nba_assets.modeling.team_ratings import expectations

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

_TEAM = "team_offense_game_summary"


def _expected(name: str, meaning: str, low: float, high: float, *origins: str) -> Column:
    lineage = tuple(f"{_TEAM}.{origin}" for origin in origins)
    return Column(name, "FLOAT64", meaning, low=low, high=high, lineage=lineage)


RATINGS = (
    _expected("expected_offense", "Points per 100 possessions", 60, 170, "pts", "possessions"),
    _expected(
        "expected_defense", "The opponent's points per 100 possessions", 60, 170,
        "pts", "possessions",
    ),
    _expected("expected_pace", "Possessions per 48 minutes", 60, 150, "possessions", "minutes"),
    _expected("expected_points", "Points in regulation", 50, 200, "pts", "minutes"),
    _expected("expected_points_against", "The opponent's points in regulation", 50, 200,
              "pts", "minutes"),
    _expected("expected_margin", "Points minus the opponent's", -80, 80, "pts", "minutes"),
)  # fmt: skip
"""What is expected of the team in the game, from dates strictly before it."""

TEAM_RATINGS = Contract(
    table="team_ratings",
    group="precompute",
    description=(
        "One row per team and scheduled game, also before it is played: points, pace and margin "
        "that ratings expect which moved after every date of the season and the two before it."
    ),
    grain=("game_id", "team"),
    due=Due.SCHEDULED,
    columns=(GAME_ID, GAME_DATE, TEAM, *RATINGS),
    records=TWO_TEAMS,
    rules=(
        SetRule(
            "margins_mirror",
            """
            SELECT game_date, game_id, CONCAT('expected margins sum to ',
              CAST(ROUND(SUM(expected_margin), 6) AS STRING)) AS detail
            FROM staged
            GROUP BY game_date, game_id
            HAVING COUNT(*) = 2 AND ABS(SUM(expected_margin)) > 0.000001
            """,
            check="reconciliation",
        ),
    ),
    figures=(Figure("expected_points", "ROUND(AVG(expected_points), 1)", "contract"),),
)

_PLAYED = """
SELECT h.game_date, h.game_id, h.season, h.team AS home_team, a.team AS away_team,
  h.pts AS home_points, a.pts AS away_points, (h.possessions + a.possessions) * 0.5 AS possessions,
  h.minutes * 0.2 AS minutes
FROM team_offense_game_summary_before AS h
JOIN team_offense_game_summary_before AS a
  ON a.game_date = h.game_date AND a.game_id = h.game_id AND a.team = h.opponent
WHERE h.is_home
"""
_WANTED = """
SELECT f.game_date, f.game_id, f.season, f.team AS home_team, f.opponent AS away_team
FROM team_form AS f
JOIN due_games AS g ON g.game_date = f.game_date AND g.game_id = f.game_id
WHERE f.is_home
"""


def _compute(inputs: "Mapping[str, pa.Table]", _: Build) -> Computed:
    wanted = inputs["wanted"].to_pandas()
    rows = expectations(inputs["played"].to_pandas(), wanted)
    rows = rows.merge(wanted[["game_id", "game_date"]], on="game_id")
    return Computed(rows_of(TEAM_RATINGS, rows))


TABLE = DatedTable(
    contract=TEAM_RATINGS,
    produce=FromPython({"played": _PLAYED, "wanted": _WANTED}, _compute, version="1"),
    reads=(Read("schedule"), Read("team_form"), Read(_TEAM, Scope.CAREER)),
)
