"""``player_availability``, from the configured source."""

from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID, PLAYER_NAME, SOURCE, TEAM
from nba_assets.contracts.contract import Column, Contract, Due
from nba_assets.contracts.dated_table import DatedTable, FromSource, Read

PLAYER_AVAILABILITY = Contract(
    table="player_availability",
    group="raw",
    description=(
        "One row per player on the official inactive list of a game, known before tip-off. A game "
        "without rows has no published list, or nobody on it: the two cannot be told apart."
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
        Column("reason", "STRING", "Why, as published", nullable=True),
        SOURCE,
    ),
)


TABLE = DatedTable(contract=PLAYER_AVAILABILITY, produce=FromSource(), reads=(Read("schedule"),))
