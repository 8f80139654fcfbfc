"""``player_points_evaluation``: errors of model and baselines, once games are over."""

from nba_assets.contracts.player_points_evaluation import PLAYER_POINTS_EVALUATION
from nba_assets.transforms.query import query
from nba_assets.warehouse.dated_table import DatedTable, FromSQL, Read

TABLE = DatedTable(
    contract=PLAYER_POINTS_EVALUATION,
    produce=FromSQL(query("player_points_evaluation")),
    reads=(Read("schedule"), Read("player_points_predictions"), Read("player_game_summary")),
)
