"""``schedule``: the authority on which games there are, from the configured source."""

from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, SOURCE, TRICODES
from nba_assets.contracts.contract import Column, Contract, Due, Figure, RowRule, SetRule, Severity
from nba_assets.contracts.dated_table import DatedTable, FromSource

SEASON_TYPES = ("Regular Season", "Play-In", "Playoffs", "NBA Cup Final")
GAME_STATUSES = ("SCHEDULED", "IN_PROGRESS", "FINAL", "POSTPONED")

SCHEDULE = Contract(
    table="schedule",
    group="raw",
    description=(
        "One row per game and date it is scheduled on. The authority on what must exist: every "
        "other table's expected counts come from here."
    ),
    grain=("game_id", "game_date"),
    version=2,
    due=Due.SCHEDULED,
    columns=(
        GAME_ID,
        GAME_DATE,
        Column("season", "STRING", 'Season label, such as "2025-26"'),
        Column("season_type", "STRING", "Counted season type", values=SEASON_TYPES),
        Column(
            "status",
            "STRING",
            "State of the game when the schedule was read; a postponed game keeps its row on the "
            "old date and has another on the new one",
            values=GAME_STATUSES,
        ),
        Column("home_team", "STRING", "Official tricode of the home team", values=TRICODES),
        Column("away_team", "STRING", "Official tricode of the away team", values=TRICODES),
        Column("neutral_site", "BOOL", "Whether the game is at a neutral site", nullable=True),
        Column("tipoff_at", "TIMESTAMP", "Scheduled start (UTC)", nullable=True),
        Column("home_points", "INT64", "Final score, home", nullable=True, low=0, high=250),
        Column("away_points", "INT64", "Final score, away", nullable=True, low=0, high=250),
        SOURCE,
    ),
    rules=(
        RowRule("official_game_id", "LENGTH(game_id) = 10"),
        RowRule("two_distinct_teams", "home_team <> away_team"),
        RowRule(
            "season_matches_date",
            "season = CONCAT(CAST(EXTRACT(YEAR FROM DATE_SUB(game_date, INTERVAL 9 MONTH)) AS "
            "STRING), '-', SUBSTR(CAST(EXTRACT(YEAR FROM DATE_SUB(game_date, INTERVAL 9 MONTH)) "
            "+ 1 AS STRING), 3, 2))",
        ),
        RowRule(
            "season_type_matches_id",
            "CASE SUBSTR(game_id, 1, 3) WHEN '002' THEN season_type = 'Regular Season' "
            "WHEN '004' THEN season_type = 'Playoffs' WHEN '005' THEN season_type = 'Play-In' "
            "WHEN '006' THEN season_type = 'NBA Cup Final' ELSE FALSE END",
        ),
        RowRule(
            "final_score_decided",
            "status <> 'FINAL' OR home_points IS NULL AND away_points IS NULL "
            "OR COALESCE(home_points <> away_points AND home_points > 0, FALSE)",
        ),
        SetRule(
            "team_plays_once",
            """
            SELECT t.game_date, t.game_id, CONCAT(t.team, ' has ', CAST(d.games AS STRING),
              ' games on one date') AS detail
            FROM (
              SELECT game_date, game_id, home_team AS team
              FROM staged
              WHERE status <> 'POSTPONED'
              UNION ALL
              SELECT game_date, game_id, away_team AS team
              FROM staged
              WHERE status <> 'POSTPONED'
            ) AS t
            JOIN (
              SELECT game_date, team, COUNT(DISTINCT game_id) AS games
              FROM (
                SELECT game_date, game_id, home_team AS team
                FROM staged
                WHERE status <> 'POSTPONED'
                UNION ALL
                SELECT game_date, game_id, away_team AS team
                FROM staged
                WHERE status <> 'POSTPONED'
              ) AS played
              GROUP BY game_date, team
              HAVING COUNT(DISTINCT game_id) > 1
            ) AS d ON d.game_date = t.game_date AND d.team = t.team
            """,
            check="contract",
        ),
        SetRule(
            "scheduled_once",
            """
            SELECT s.game_date, s.game_id, CONCAT('also scheduled on ',
              CAST(MIN(o.game_date) AS STRING)) AS detail
            FROM staged AS s
            JOIN delivered AS o ON o.game_id = s.game_id AND o.game_date <> s.game_date
            WHERE s.status <> 'POSTPONED' AND o.status <> 'POSTPONED'
            GROUP BY s.game_date, s.game_id
            """,
            check="contract",
        ),
        SetRule(
            "still_listed",
            """
            SELECT o.game_date, o.game_id, CONCAT(o.away_team, ' @ ', o.home_team, ' was ',
              o.status, ' here; now ', COALESCE(CONCAT('it is ', s.status),
                'it is on no date of the season')) AS detail
            FROM stored AS o
            LEFT JOIN (
              SELECT game_id, game_date, MIN(status) AS status
              FROM delivered
              GROUP BY game_id, game_date
            ) AS s ON s.game_id = o.game_id AND s.game_date = o.game_date
            LEFT JOIN (
              SELECT DISTINCT game_id, game_date
              FROM delivered
              WHERE status <> 'POSTPONED'
            ) AS moved ON moved.game_id = o.game_id AND moved.game_date <> o.game_date
            WHERE o.status <> 'POSTPONED' AND moved.game_id IS NULL AND (s.status IS NULL
              OR s.status = 'POSTPONED' AND o.status = 'FINAL' OR o.status = 'FINAL'
                AND s.status <> 'FINAL')
            """,
            check="nothing_vanishes",
            severity=Severity.HOLD,
        ),
        SetRule(
            "score_still_published",
            """
            SELECT o.game_date, o.game_id, 'its score was published and is no longer' AS detail
            FROM stored AS o
            JOIN staged AS s ON s.game_id = o.game_id AND s.game_date = o.game_date
            WHERE s.status = 'FINAL' AND o.home_points IS NOT NULL AND s.home_points IS NULL
            """,
            check="nothing_vanishes",
            severity=Severity.HOLD,
        ),
        SetRule(
            "final_has_score",
            """
            SELECT s.game_date, s.game_id,
              'final without a score while other games have one: probably postponed' AS detail
            FROM staged AS s
            JOIN (
              SELECT DISTINCT season
              FROM (
                SELECT season, home_points
                FROM elsewhere
                UNION ALL
                SELECT season, home_points
                FROM staged
              ) AS games
              WHERE home_points IS NOT NULL
            ) AS scored ON scored.season = s.season
            WHERE s.status = 'FINAL' AND s.home_points IS NULL
            """,
            check="contract",
        ),
    ),
    figures=(
        Figure("games", "COUNTIF(status <> 'POSTPONED')"),
        Figure("completed_games", "COUNTIF(status = 'FINAL')"),
    ),
)


TABLE = DatedTable(contract=SCHEDULE, produce=FromSource())
