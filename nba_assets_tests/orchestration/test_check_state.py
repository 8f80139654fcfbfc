"""The state of checks by date is what Dagster's own storage tells, in every status there is."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from nba_assets.definitions import build_defs
from nba_assets.orchestration.dagster_private import (
    AssetCheckEvaluationPlanned,
    SqliteEventLogStorage,
)
from nba_assets.orchestration.partitions import game_date_partitions
from nba_assets.rehearsal.faults import FaultySource, MissingGames
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.dagster_runs import open_instance, run
from nba_assets_tests.tiny_league import OPENER, SEASON_START, SLATES, TinyLeague

TABLES = ("schedule", "player_box_scores", "team_box_scores")
LAST = SLATES[4]
BAD = SLATES[2]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dg.DagsterInstance, Any]]:
    """An instance with dates that passed, failed, were only planned, and materialized anew."""
    folder = tmp_path_factory.mktemp("checks")
    source = FaultySource(TinyLeague(), [MissingGames(dates=[BAD], tables=["team_box_scores"])])
    definitions = build_defs(Settings(data_dir=folder / "data"), source=source)
    with open_instance(folder / "home") as instance:
        run(definitions, instance, TABLES, SEASON_START, LAST)
        (chain,) = (a for a in definitions.assets or () if isinstance(a, dg.AssetsDefinition))
        _plan(instance, SLATES[3], dg.DagsterRunStatus.STARTED)
        _plan(instance, SLATES[1], dg.DagsterRunStatus.CANCELED)
        _plan(instance, LAST, dg.DagsterRunStatus.FAILURE)
        instance.report_runless_asset_event(
            dg.AssetMaterialization("team_box_scores", partition=f"{OPENER}")
        )
        yield instance, [(spec.key, spec.partitions_def) for spec in chain.check_specs]


def _plan(instance: dg.DagsterInstance, day: date, status: dg.DagsterRunStatus) -> None:
    """A run that was to evaluate a check of a date, and became what it says."""

    @dg.job
    def nothing() -> None:
        """Do nothing."""

    made = instance.create_run_for_job(nothing, status=status)
    planned = AssetCheckEvaluationPlanned(
        asset_key=dg.AssetKey("player_box_scores"),
        check_name="contract",
        partitions_subset=game_date_partitions()
        .subset_with_partition_keys([f"{day}"])
        .to_serializable_subset(),
    )
    instance.report_dagster_event(
        dg.DagsterEvent(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
            "nothing",
            event_specific_data=planned,
        ),
        made.run_id,
    )


def _told(states: Any) -> dict[Any, dict[Any, list[str]]]:
    return {
        key: {
            status: sorted(subset.value.get_partition_keys()) if subset.is_partitioned else []
            for status, subset in state.subsets.items()
        }
        | {
            run_id: sorted(subset.value.get_partition_keys())
            for run_id, subset in state.in_progress_runs.items()
        }
        | {"latest": [str(state.latest_storage_id)]}
        for key, state in states.items()
    }


def test_it_tells_what_the_stock_storage_tells(lived: tuple[dg.DagsterInstance, Any]) -> None:
    instance, keys = lived
    storage: Any = instance.event_log_storage
    ours = storage.get_asset_check_state(keys)
    stock = SqliteEventLogStorage.get_asset_check_state(storage, keys)

    assert _told(ours) == _told(stock)
    found = {s.name for state in ours.values() for s, of in state.subsets.items() if of.size}
    every = {"SUCCEEDED", "FAILED", "IN_PROGRESS", "EXECUTION_FAILED", "SKIPPED"}
    assert found == every, "all there are were compared"
