"""Runs of the product's own definitions in a real instance, and what that instance then says."""

import json
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path

import dagster as dg

from nba_assets.orchestration.event_log_storage import BulkSqliteEventLogStorage
from nba_assets.orchestration.launch import QUIET
from nba_assets.orchestration.partitions import game_date_partitions


def open_instance(home: Path) -> dg.DagsterInstance:
    """An instance in a folder, with the event log storage of the deployment."""
    home.mkdir(parents=True, exist_ok=True)
    storage = {
        "module": BulkSqliteEventLogStorage.__module__,
        "class": BulkSqliteEventLogStorage.__name__,
        "config": {"base_dir": str(home / "history" / "runs")},
    }
    (home / "dagster.yaml").write_text(
        json.dumps({"event_log_storage": storage, "telemetry": {"enabled": False}})
    )
    return dg.DagsterInstance.from_config(str(home))


def run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    selection: dg.AssetSelection | Collection[str],
    first: date,
    last: date | None = None,
) -> dg.ExecuteInProcessResult:
    """One run over a date, as ``--partition`` does, or a range, as ``--partition-range`` does."""
    if last is None:
        tags = {"dagster/partition": first.isoformat()}
    else:
        tags = {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        }
    if not isinstance(selection, dg.AssetSelection):
        selection = dg.AssetSelection.assets(*selection)
    return dg.materialize(
        [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)],
        selection=selection,
        instance=instance,
        tags=tags,
        run_config=QUIET,
        raise_on_error=False,
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What a failed run says of itself."""
    (event,) = result.get_step_failure_events()
    raised = event.step_failure_data.user_failure_data
    assert raised is not None, event.step_failure_data.error
    return raised.description or ""


def colors(instance: dg.DagsterInstance, table: str, days: Iterable[date]) -> dict[date, str]:
    """The state of a table's partitions: MATERIALIZED, FAILED, or none."""
    keys = [day.isoformat() for day in days]
    found = instance.get_status_by_partition(dg.AssetKey(table), keys, game_date_partitions())
    return {date.fromisoformat(key): state.value for key, state in (found or {}).items() if state}


def check_results(
    instance: dg.DagsterInstance, table: str, check: str, days: Iterable[date]
) -> dict[date, str]:
    """The latest state of a check of a table by partition: SUCCEEDED, FAILED, PLANNED."""
    found = instance.event_log_storage.get_asset_check_partition_info(
        [dg.AssetCheckKey(dg.AssetKey(table), check)], partition_keys=[d.isoformat() for d in days]
    )
    return {
        date.fromisoformat(info.partition_key): info.latest_execution_status.value
        for info in found
        if info.partition_key
    }
