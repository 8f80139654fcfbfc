"""``starting_lineups``, from the configured source."""

from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID, PLAYER_NAME, SOURCE, TEAM
from nba_assets.contracts.contract import Column, Contract, Due, SetRule
from nba_assets.contracts.dated_table import DatedTable, FromSource, Read

STARTING_LINEUPS = Contract(
    table="starting_lineups",
    group="raw",
    description=(
        "One row per starter of a game, announced about half an hour before tip-off. A game "
        "without rows has no announced starters; a game with rows has five of each team."
    ),
    grain=("game_id", "player_id"),
    keeps_rows=True,
    due=Due.SCHEDULED,
    empty_games=True,
    columns=(
        GAME_ID,
        GAME_DATE,
        TEAM,
        PLAYER_ID,
        PLAYER_NAME,
        Column("position", "STRING", "Position he starts at, as published", nullable=True),
        SOURCE,
    ),
    rules=(
        SetRule(
            "five_of_each_team",
            """
            SELECT game_date, game_id, CONCAT(STRING_AGG(CONCAT(CAST(starters AS STRING), ' of ',
              team), ', ' ORDER BY team), '; five of each team start') AS detail
            FROM (
              SELECT s.game_date, s.game_id, s.team, COUNT(DISTINCT s.player_id) AS starters,
                LOGICAL_OR(s.team IN (g.home_team, g.away_team)) AS playing
              FROM staged AS s
              JOIN due_games AS g ON g.game_date = s.game_date AND g.game_id = s.game_id
              GROUP BY s.game_date, s.game_id, s.team
            ) AS teams
            GROUP BY game_date, game_id
            HAVING COUNTIF(starters = 5 AND playing) <> 2 OR COUNT(*) <> 2
            """,
            check="contract",
        ),
    ),
)


TABLE = DatedTable(contract=STARTING_LINEUPS, produce=FromSource(), reads=(Read("schedule"),))
