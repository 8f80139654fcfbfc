"""``schedule``: the authority on which games there are, from the configured source."""

from nba_assets.contracts.schedule import SCHEDULE
from nba_assets.warehouse.dated_table import DatedTable, FromSource

TABLE = DatedTable(contract=SCHEDULE, produce=FromSource())
