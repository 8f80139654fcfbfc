"""``team_box_scores``, from the configured source."""

from nba_assets.contracts.team_box_scores import TEAM_BOX_SCORES
from nba_assets.warehouse.dated_table import DatedTable, FromSource, Read

TABLE = DatedTable(contract=TEAM_BOX_SCORES, produce=FromSource(), reads=(Read("schedule"),))
