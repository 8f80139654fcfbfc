"""``team_offense_game_summary``: from team box scores or, by game, from its players."""

from nba_assets.contracts.team_offense_game_summary import TEAM_OFFENSE_GAME_SUMMARY
from nba_assets.transforms.query import query
from nba_assets.warehouse.dated_table import DatedTable, FromSQL, Read, Scope

TABLE = DatedTable(
    contract=TEAM_OFFENSE_GAME_SUMMARY,
    produce=FromSQL(query("team_offense_game_summary")),
    reads=(
        Read("schedule"),
        Read("team_box_scores", Scope.EITHER),
        Read("player_box_scores", Scope.EITHER),
    ),
)
