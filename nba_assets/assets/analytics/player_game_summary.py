"""``player_game_summary``: players of a game with the rates that need their team's totals."""

from nba_assets.contracts.player_game_summary import PLAYER_GAME_SUMMARY
from nba_assets.transforms.query import query
from nba_assets.warehouse.dated_table import DatedTable, FromSQL, Read

TABLE = DatedTable(
    contract=PLAYER_GAME_SUMMARY,
    produce=FromSQL(query("player_game_summary")),
    reads=(Read("schedule"), Read("player_box_scores"), Read("team_offense_game_summary")),
)
