"""Contract of ``player_box_scores``."""

from nba_assets.contracts.box_score import (
    COUNTS,
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    SOURCE,
    TEAM,
    count_columns,
    identities,
)
from nba_assets.contracts.contract import (
    TEAMS_MATCH_SCHEDULE,
    Column,
    Contract,
    Records,
    RowRule,
    SetRule,
)

PLAYER_STATUSES = ("PLAYED", "DID_NOT_PLAY", "INACTIVE")
STATISTICS = ("minutes", *COUNTS, "plus_minus")

PLAYER_BOX_SCORES = Contract(
    table="player_box_scores",
    group="raw",
    description=(
        "One row per player and game as published, those who did not play included: their every "
        "statistic is NULL, never 0."
    ),
    grain=("game_id", "player_id"),
    columns=(
        GAME_ID,
        GAME_DATE,
        TEAM,
        OPPONENT,
        IS_HOME,
        PLAYER_ID,
        PLAYER_NAME,
        Column(
            "status",
            "STRING",
            "PLAYED, DID_NOT_PLAY (dressed, did not enter), INACTIVE (on the inactive list)",
            values=PLAYER_STATUSES,
        ),
        Column("starter", "BOOL", "Whether the player started; NULL if unpublished", nullable=True),
        Column("position", "STRING", "Starting position as published", nullable=True),
        Column(
            "minutes",
            "FLOAT64",
            "Minutes played, as exact as published; 0 for less than half a minute where the "
            "publication rounds",
            nullable=True,
            low=0,
            high=90,
        ),
        *count_columns(high=110, nullable=True),
        Column("plus_minus", "INT64", "Score while on court", nullable=True, low=-80, high=80),
        SOURCE,
    ),
    records=Records(
        "SELECT d.game_date, d.game_id, 2 AS expected, "
        "COUNT(DISTINCT IF(s.status = 'PLAYED', s.team, NULL)) AS actual "
        "FROM required_games AS d LEFT JOIN staged AS s "
        "ON s.game_date = d.game_date AND s.game_id = d.game_id GROUP BY d.game_date, d.game_id"
    ),
    rules=(
        RowRule(
            "statistics_iff_played",
            "IF(status = 'PLAYED', "
            + " AND ".join(f"{name} IS NOT NULL" for name in ("minutes", *COUNTS))
            + ", "
            + " AND ".join(f"{name} IS NULL" for name in STATISTICS)
            + ")",
        ),
        *identities("status = 'PLAYED'"),
        SetRule(
            "players_a_team",
            "SELECT game_date, game_id, CONCAT(team, ' has ', CAST(COUNT(*) AS STRING), "
            "' players who played; a team has 5 to 15') AS detail FROM staged "
            "WHERE status = 'PLAYED' GROUP BY game_date, game_id, team "
            "HAVING COUNT(*) < 5 OR COUNT(*) > 15",
            check="contract",
        ),
        TEAMS_MATCH_SCHEDULE,
        SetRule(
            "team_minutes",
            "SELECT game_date, game_id, CONCAT(team, ': minutes sum to ', "
            "CAST(ROUND(SUM(minutes), 1) AS STRING), "
            "'; a team has 240 and 25 per overtime') AS detail FROM staged "
            "WHERE status = 'PLAYED' GROUP BY game_date, game_id, team "
            "HAVING SUM(minutes) < 234 OR "
            "ABS(SUM(minutes) - 240 - 25 * ROUND((SUM(minutes) - 240) * 0.04)) > 6",
            check="reconciliation",
        ),
    ),
)
