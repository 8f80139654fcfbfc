"""``player_features``: what was known of each expected player before the game."""

from nba_assets.contracts.player_features import PLAYER_FEATURES
from nba_assets.transforms.query import query
from nba_assets.warehouse.dated_table import DatedTable, FromSQL, Read, Scope

TABLE = DatedTable(
    contract=PLAYER_FEATURES,
    produce=FromSQL(query("player_features")),
    reads=(
        Read("schedule"),
        Read("player_availability", Scope.OPTIONAL),
        Read("team_form"),
        Read("player_game_summary", Scope.WINDOW),
    ),
)
