"""What Dagster loads. A change of the graph is a change of this file, to be reviewed."""

from pathlib import Path

import dagster as dg

from nba_assets.definitions import defs
from nba_assets.orchestration.partitions import game_date_partitions
from nba_assets_tests.tiny_league import BEFORE_TIPOFF

GRAPH = """
raw        schedule                  <-
raw        player_box_scores         <- schedule
raw        team_box_scores           <- schedule
raw        player_availability       <- schedule
raw        starting_lineups          <- schedule
raw        player_points_lines       <- schedule
analytics  team_offense_game_summary <- player_box_scores schedule team_box_scores
analytics  player_game_summary       <- player_box_scores schedule team_offense_game_summary
precompute team_form                 <- schedule team_offense_game_summary
precompute team_ratings <- schedule team_form team_offense_game_summary
precompute player_features           <- player_game_summary schedule team_form
precompute player_state <- player_features player_game_summary schedule team_offense_game_summary
precompute expected_roster <- player_availability player_features player_game_summary player_state \
    schedule starting_lineups team_ratings
precompute lineup_context <- expected_roster player_features player_game_summary player_state \
    schedule team_offense_game_summary
precompute expected_minutes <- expected_roster lineup_context player_features player_game_summary \
    player_state schedule team_offense_game_summary team_ratings
models     player_points_model <- expected_minutes expected_roster lineup_context player_features \
    player_game_summary player_state schedule team_ratings
models     player_points_predictions <- expected_minutes expected_roster lineup_context \
    player_features player_points_model player_state schedule team_ratings
models     player_points_market <- player_game_summary player_points_lines \
    player_points_predictions schedule
models     player_points_evaluation  <- player_game_summary player_points_predictions schedule
"""

CHECKS = """
schedule                  row_counts contract nothing_vanishes
player_box_scores         row_counts contract reconciliation nothing_vanishes
team_box_scores           row_counts contract reconciliation nothing_vanishes
player_availability       row_counts contract nothing_vanishes
starting_lineups          row_counts contract nothing_vanishes
player_points_lines       row_counts contract nothing_vanishes
team_offense_game_summary row_counts contract reconciliation
player_game_summary       row_counts contract reconciliation usage_rate_coverage season_usage_rate
team_form                 row_counts contract point_in_time features reconciliation
team_ratings              row_counts contract reconciliation
player_features           row_counts contract reconciliation point_in_time features
player_state              row_counts contract point_in_time
expected_roster           row_counts contract point_in_time features
lineup_context            row_counts contract point_in_time
expected_minutes          row_counts contract features
player_points_model       row_counts contract point_in_time plausible_error
player_points_predictions row_counts contract
player_points_market      row_counts contract
player_points_evaluation  row_counts contract
"""

CHAIN = next(asset for asset in defs.assets or () if isinstance(asset, dg.AssetsDefinition))
SPECS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def lines(text: str) -> set[str]:
    return {" ".join(line.split()) for line in text.strip().splitlines()}


def test_the_definitions_load_and_validate() -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_graph_is_the_one_written_here() -> None:
    graph = "\n".join(
        f"{spec.group_name} {name} <- "
        + " ".join(sorted(dep.asset_key.to_user_string() for dep in spec.deps))
        for name, spec in SPECS.items()
    )
    assert lines(graph) == lines(GRAPH)


def test_every_table_has_the_checks_written_here_and_all_of_them_block() -> None:
    checks = {name: {"row_counts"} for name in SPECS}
    for check in CHAIN.check_specs:
        assert check.blocking
        assert check.description
        checks[check.asset_key.to_user_string()].add(check.name)
    listed = [line.split() for line in lines(CHECKS)]
    assert checks == {table: set(names) for table, *names in listed}


def test_every_asset_is_daily_documented_and_versioned() -> None:
    for name, spec in SPECS.items():
        assert spec.partitions_def == game_date_partitions()
        assert spec.skippable
        assert spec.code_version
        assert "Grain: " in (spec.description or "")
        schema = spec.metadata["dagster/column_schema"]
        assert all(column.description for column in schema.columns), name
        (source,) = spec.metadata["dagster/code_references"].code_references
        assert Path(source.file_path).read_text().count(f'table="{name}"') == 1


def test_edges_are_the_identity_and_a_range_is_one_run() -> None:
    edges = [dep for spec in SPECS.values() for dep in spec.deps]
    assert all(isinstance(e.partition_mapping, dg.IdentityPartitionMapping) for e in edges)
    assert CHAIN.backfill_policy == dg.BackfillPolicy.single_run()


def test_the_jobs_select_what_they_say() -> None:
    jobs = {job.name: job for job in defs.resolve_all_job_defs()}
    assert {"whole_graph", "before_tipoff", "repair", "sync", "morning_plan"} <= set(jobs)

    def selected(name: str) -> set[str]:
        return {key.to_user_string() for key in jobs[name].asset_layer.selected_asset_keys}

    assert selected("whole_graph") == set(SPECS)
    assert selected("before_tipoff") == set(BEFORE_TIPOFF)
