"""``team_box_scores``, from the configured source."""

from nba_assets.contracts.box_score import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    SOURCE,
    TEAM,
    count_columns,
    identities,
)
from nba_assets.contracts.contract import (
    TEAMS_MATCH_SCHEDULE,
    TWO_TEAMS,
    Column,
    Contract,
    RowRule,
    SetRule,
)
from nba_assets.contracts.dated_table import DatedTable, FromSource, Read

TEAM_BOX_SCORES = Contract(
    table="team_box_scores",
    group="raw",
    description="One row per team and game, as published.",
    grain=("game_id", "team"),
    keeps_rows=True,
    columns=(
        GAME_ID,
        GAME_DATE,
        TEAM,
        OPPONENT,
        IS_HOME,
        Column(
            "minutes",
            "FLOAT64",
            "Player-minutes of the team as published: 240 and 25 per overtime, up to rounding",
            low=0,
            high=480,
        ),
        *count_columns(high=250, nullable=False),
        Column(
            "tov_with_team",
            "INT64",
            "Turnovers with those charged to the team alone; NULL if unpublished",
            nullable=True,
            low=0,
            high=60,
        ),
        SOURCE,
    ),
    records=TWO_TEAMS,
    rules=(
        *identities(),
        RowRule(
            "team_minutes",
            "minutes >= 234 AND ABS(minutes - 240 - 25 * ROUND((minutes - 240) * 0.04)) <= 6",
            check="reconciliation",
        ),
        TEAMS_MATCH_SCHEDULE,
        SetRule(
            "points_match_schedule",
            """
            SELECT s.game_date, s.game_id, CONCAT(s.team, ' has ', CAST(s.pts AS STRING),
              ' points, the schedule ', CAST(IF(s.team = g.home_team, g.home_points,
                g.away_points) AS STRING)) AS detail
            FROM staged AS s
            JOIN schedule AS g ON g.game_date = s.game_date AND g.game_id = s.game_id
            WHERE s.pts <> IF(s.team = g.home_team, g.home_points, g.away_points)
            """,
            check="reconciliation",
            reads=("schedule",),
        ),
    ),
)


TABLE = DatedTable(contract=TEAM_BOX_SCORES, produce=FromSource(), reads=(Read("schedule"),))
