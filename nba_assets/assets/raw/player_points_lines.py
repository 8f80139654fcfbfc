"""``player_points_lines``, from the configured source."""

from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID, PLAYER_NAME, SOURCE
from nba_assets.contracts.contract import Column, Contract, Due
from nba_assets.contracts.dated_table import DatedTable, FromSource, Read

PLAYER_POINTS_LINES = Contract(
    table="player_points_lines",
    group="raw",
    description=(
        "One row per player, game, bookmaker and line on his points, known before tip-off. A "
        "bookmaker may have more than one line on a player. A game without rows has no published "
        "lines."
    ),
    grain=("game_id", "player_id", "bookmaker", "offer"),
    keeps_rows=True,
    due=Due.SCHEDULED,
    empty_games=True,
    columns=(
        GAME_ID,
        GAME_DATE,
        PLAYER_ID,
        PLAYER_NAME,
        Column("bookmaker", "STRING", "Who offers it"),
        Column("offer", "INT64", "1 for the lowest of his lines on the player, then 2", low=1),
        Column("line", "FLOAT64", "Points to be more or less than", low=0, high=80),
        Column(
            "over_price",
            "FLOAT64",
            "American odds of more, as published",
            nullable=True,
            low=-100_000,
            high=100_000,
        ),
        Column(
            "under_price",
            "FLOAT64",
            "American odds of less, as published",
            nullable=True,
            low=-100_000,
            high=100_000,
        ),
        SOURCE,
    ),
)


TABLE = DatedTable(contract=PLAYER_POINTS_LINES, produce=FromSource(), reads=(Read("schedule"),))
