"""``team_form``: what was known of each scheduled team before its game."""

from nba_assets.contracts.team_form import TEAM_FORM
from nba_assets.transforms.query import query
from nba_assets.warehouse.dated_table import DatedTable, FromSQL, Read, Scope

TABLE = DatedTable(
    contract=TEAM_FORM,
    produce=FromSQL(query("team_form")),
    reads=(
        Read("schedule"),
        Read("schedule", Scope.WINDOW),
        Read("team_offense_game_summary", Scope.WINDOW),
    ),
)
