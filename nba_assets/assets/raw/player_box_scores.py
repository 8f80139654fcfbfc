"""``player_box_scores``, from the configured source."""

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
from nba_assets.contracts.dated_table import DatedTable, FromSource, Read

PLAYER_STATUSES = ("PLAYED", "DID_NOT_PLAY", "INACTIVE")
STATISTICS = ("minutes", *COUNTS, "plus_minus")

_NAME_OF_ID = r"""
WITH named AS (
  SELECT player_id, player_name,
    ROW_NUMBER() OVER (PARTITION BY player_id ORDER BY COUNT(*) DESC, player_name) AS place
  FROM (
    SELECT player_id, player_name FROM elsewhere
    UNION ALL
    SELECT player_id, player_name FROM staged
  ) AS games
  GROUP BY player_id, player_name
),
pairs AS (
  SELECT other.player_id, other.player_name, usual.player_name AS usual_name
  FROM named AS other
  JOIN named AS usual ON usual.player_id = other.player_id AND usual.place = 1
  WHERE other.place > 1 AND (
    SUBSTR(other.player_name, 1, 1) <> SUBSTR(usual.player_name, 1, 1)
    OR SUBSTR(REGEXP_EXTRACT(other.player_name, r'\S+$'), 1, 1)
      <> SUBSTR(REGEXP_EXTRACT(usual.player_name, r'\S+$'), 1, 1)
  )
),
alike AS (
  SELECT DISTINCT p.player_id, p.player_name
  FROM pairs AS p
  CROSS JOIN UNNEST(SPLIT(LOWER(p.player_name), ' ')) AS word
  CROSS JOIN UNNEST(SPLIT(LOWER(p.usual_name), ' ')) AS usual_word
  WHERE word = usual_word
)
SELECT s.game_date, s.game_id, CONCAT('player ', CAST(s.player_id AS STRING), ' is called ',
  s.player_name, ' here, ', p.usual_name, ' in other games of the season') AS detail
FROM staged AS s
JOIN pairs AS p ON p.player_id = s.player_id AND p.player_name = s.player_name
LEFT JOIN alike AS a ON a.player_id = s.player_id AND a.player_name = s.player_name
WHERE a.player_id IS NULL
"""
"""An id under another name. Two spellings of one name (accents, a nickname, a suffix, a new
surname) share a word or both initials; two people share neither.
"""

PLAYER_BOX_SCORES = Contract(
    table="player_box_scores",
    group="raw",
    description=(
        "One row per player and game as published, those who did not play included: their every "
        "statistic is NULL, never 0."
    ),
    grain=("game_id", "player_id"),
    keeps_rows=True,
    version=2,
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
            """
            SELECT game_date, game_id, CONCAT(team, ' has ', CAST(COUNT(*) AS STRING),
              ' players who played; a team has 5 to 15') AS detail
            FROM staged
            WHERE status = 'PLAYED'
            GROUP BY game_date, game_id, team
            HAVING COUNT(*) < 5 OR COUNT(*) > 15
            """,
            check="contract",
        ),
        SetRule(
            "five_starters",
            """
            SELECT game_date, game_id, CONCAT(team, ' has ', CAST(COUNTIF(starter) AS STRING),
              ' starters; five start') AS detail
            FROM staged
            WHERE status = 'PLAYED' AND starter IS NOT NULL
            GROUP BY game_date, game_id, team
            HAVING COUNTIF(starter) <> 5
            """,
            check="contract",
        ),
        SetRule(
            "one_team_a_night",
            """
            SELECT DISTINCT s.game_date, s.game_id, CONCAT('player ', CAST(s.player_id AS STRING),
              ' played for ', t.teams, ' on one date') AS detail
            FROM staged AS s
            JOIN (
              SELECT game_date, player_id, STRING_AGG(DISTINCT team,
                ' and ' ORDER BY team) AS teams
              FROM staged
              WHERE status = 'PLAYED'
              GROUP BY game_date, player_id
              HAVING COUNT(DISTINCT team) > 1
            ) AS t ON t.game_date = s.game_date AND t.player_id = s.player_id
            WHERE s.status = 'PLAYED'
            """,
            check="contract",
        ),
        SetRule("name_of_id", _NAME_OF_ID, check="contract"),
        SetRule(
            "plus_minus_published",
            """
            SELECT s.game_date, s.game_id,
              'no plus_minus at all, while other games of the season have it' AS detail
            FROM staged AS s
            CROSS JOIN (
              SELECT COUNT(plus_minus) AS found
              FROM (
                SELECT plus_minus
                FROM elsewhere
                UNION ALL
                SELECT plus_minus
                FROM staged
              ) AS games
            ) AS season
            WHERE s.status = 'PLAYED' AND season.found > 0
            GROUP BY s.game_date, s.game_id
            HAVING COUNT(s.plus_minus) = 0
            """,
            check="contract",
        ),
        TEAMS_MATCH_SCHEDULE,
        SetRule(
            "points_match_schedule",
            """
            SELECT p.game_date, p.game_id, CONCAT(p.team, ': players sum to ',
              CAST(p.pts AS STRING), ' points, the schedule has ', CAST(IF(p.team = g.home_team,
                g.home_points, g.away_points) AS STRING)) AS detail
            FROM (
              SELECT game_date, game_id, team, SUM(pts) AS pts
              FROM staged
              WHERE status = 'PLAYED'
              GROUP BY game_date, game_id, team
            ) AS p
            JOIN schedule AS g ON g.game_date = p.game_date AND g.game_id = p.game_id
            WHERE p.pts <> IF(p.team = g.home_team, g.home_points, g.away_points)
            """,
            check="reconciliation",
        ),
        SetRule(
            "team_minutes",
            """
            SELECT game_date, game_id, CONCAT(team, ': minutes sum to ', CAST(ROUND(SUM(minutes),
              1) AS STRING), '; a team has 240 and 25 per overtime') AS detail
            FROM staged
            WHERE status = 'PLAYED'
            GROUP BY game_date, game_id, team
            HAVING SUM(minutes) < 234
              OR ABS(SUM(minutes) - 240 - 25 * ROUND((SUM(minutes) - 240) * 0.04)) > 6
            """,
            check="reconciliation",
        ),
    ),
)


TABLE = DatedTable(contract=PLAYER_BOX_SCORES, produce=FromSource(), reads=(Read("schedule"),))
