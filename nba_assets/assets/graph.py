"""The dated tables in the order they are built."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nba_assets.assets.analytics import player_game_summary, team_offense_game_summary
from nba_assets.assets.models import (
    player_points_evaluation,
    player_points_market,
    player_points_model,
    player_points_predictions,
)
from nba_assets.assets.precompute import (
    expected_minutes,
    expected_roster,
    lineup_context,
    player_features,
    player_state,
    team_form,
    team_ratings,
)
from nba_assets.assets.raw import (
    player_availability,
    player_box_scores,
    player_points_lines,
    schedule,
    starting_lineups,
    team_box_scores,
)
from nba_assets.contracts.dated_table import DatedTable


def dated_tables(
    models_dir: Path, thresholds: Mapping[str, float] | None = None, device: str = "cpu"
) -> dict[str, DatedTable]:
    """Every dated table by name, each after what it reads.

    ``thresholds`` replace the limits the contracts declare; a new warehouse trains on ``device``.
    """
    given = thresholds or {}
    tables = (
        schedule.TABLE,
        player_box_scores.TABLE,
        team_box_scores.TABLE,
        player_availability.TABLE,
        starting_lineups.TABLE,
        player_points_lines.TABLE,
        team_offense_game_summary.TABLE,
        player_game_summary.TABLE,
        team_form.TABLE,
        team_ratings.TABLE,
        player_features.TABLE,
        player_state.TABLE,
        expected_roster.table(models_dir),
        lineup_context.TABLE,
        expected_minutes.table(models_dir),
        player_points_model.table(models_dir, device),
        player_points_predictions.table(models_dir),
        player_points_market.TABLE,
        player_points_evaluation.TABLE,
    )
    return {table.name: _judged_by(table, given) for table in tables}


def _judged_by(table: DatedTable, given: Mapping[str, float]) -> DatedTable:
    limits = tuple((name, given.get(name, value)) for name, value in table.contract.thresholds)
    return replace(table, contract=replace(table.contract, thresholds=limits))
