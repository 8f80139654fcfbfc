"""``player_availability``, from the configured source."""

from nba_assets.contracts.player_availability import PLAYER_AVAILABILITY
from nba_assets.warehouse.dated_table import DatedTable, FromSource, Read

TABLE = DatedTable(contract=PLAYER_AVAILABILITY, produce=FromSource(), reads=(Read("schedule"),))
