"""What this package takes Dagster's private names to be: an upgrade breaks here first.

A failure names what to look at: the table below says which module relies on it, and for what.
"""

import inspect

import pytest

from nba_assets.orchestration import dagster_private as private

TAKEN = {
    "AssetCheckEvaluationPlanned": ("asset_key", "check_name", "partitions_subset"),
    "AssetCheckEvaluationTargetMaterializationData": ("storage_id", "run_id", "timestamp"),
    "DaemonHeartbeat": ("timestamp", "daemon_type", "daemon_id", "errors"),
    "EventLogEntry": ("run_id", "timestamp", "dagster_event", "user_message"),
    "InstigatorState": ("origin", "instigator_type", "status", "instigator_data"),
    "LocalComputeLogManager": ("base_dir", "polling_timeout", "inst_data"),
    "RegisteredCodeLocationOrigin": ("location_name",),
    "RemoteInstigatorOrigin": ("repository_origin", "instigator_name"),
    "RemoteRepositoryOrigin": ("code_location_origin", "repository_name"),
    "ScheduleInstigatorData": ("cron_schedule", "start_timestamp"),
    "SensorInstigatorData": ("cursor", "sensor_type", "last_sensor_start_timestamp"),
    "SerializableErrorInfo": ("message", "stack", "cls_name"),
    "SqliteEventLogStorage": ("self", "base_dir", "inst_data"),
    "SqliteRunStorage": ("self", "conn_string", "inst_data"),
    "SqliteScheduleStorage": ("self", "conn_string", "inst_data"),
    "TickData": (
        "instigator_origin_id",
        "instigator_name",
        "instigator_type",
        "status",
        "timestamp",
        "selector_id",
        "error",
    ),
    "get_possibly_temporary_instance_for_cli": ("cli_command", "logger"),
    "capture_interrupts": (),
    "is_valid_cron_schedule": ("cron_schedule",),
    "get_latest_completed_cron_tick": ("cron_string", "current_time", "timezone"),
}
"""the parameters that are passed, or the fields that are read"""
OVERRIDDEN = {
    "_connect": ("self", "shard"),
    "_event_to_row": ("self", "event"),
    "_initdb": ("self", "engine", "for_index_shard"),
    "_store_asset_event": ("self", "conn", "event", "event_id"),
    "_store_asset_event_tags": ("self", "conn", "events", "event_ids"),
    "alembic_version": ("self",),
    "conn_string_for_shard": ("self", "shard_name"),
    "index_connection": ("self",),
    "path_for_shard": ("self", "run_id"),
    "run_connection": ("self", "run_id"),
    "store_event": ("self", "event"),
}
"""methods of the event log that the bulk storage calls or replaces: event_log_storage"""


@pytest.mark.parametrize("name", private.FROM)
def test_the_name_is_there(name: str) -> None:
    assert hasattr(private, name)


@pytest.mark.parametrize("name", TAKEN)
def test_it_takes_what_is_given_to_it(name: str) -> None:
    thing = getattr(private, name)
    if hasattr(thing, "_fields"):
        known = thing._fields
    elif name.startswith("Sqlite"):
        known = inspect.signature(thing.__init__).parameters
    else:
        known = inspect.signature(thing).parameters
    assert set(TAKEN[name]) <= set(known), f"{name}: {tuple(known)}"


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_the_event_log_is_written_as_expected(name: str) -> None:
    method = getattr(private.SqliteEventLogStorage, name)
    assert tuple(inspect.signature(method).parameters) == OVERRIDDEN[name]


def test_the_tables_of_the_event_log_have_the_columns_that_are_written() -> None:
    events = set(private.SqlEventLogStorageTable.c.keys())
    checks = set(private.AssetCheckExecutionsTable.c.keys())

    assert {"id", "run_id", "event", "timestamp", "partition", "asset_key"} <= events
    assert {
        "asset_key",
        "check_name",
        "partition",
        "run_id",
        "execution_status",
        "evaluation_event",
        "evaluation_event_timestamp",
        "evaluation_event_storage_id",
        "materialization_event_storage_id",
    } <= checks


def test_states_and_tags_have_their_values() -> None:
    states = private.AssetCheckExecutionRecordStatus
    assert [state.value for state in (states.PLANNED, states.SUCCEEDED, states.FAILED)] == [
        "PLANNED",
        "SUCCEEDED",
        "FAILED",
    ]
    assert {"RUNNING", "STOPPED", "DECLARED_IN_CODE"} <= {
        one.name for one in private.InstigatorStatus
    }
    assert {"FAILURE", "SKIPPED", "STARTED"} <= {one.name for one in private.TickStatus}
    assert {"SENSOR", "SCHEDULE"} <= {one.name for one in private.InstigatorType}
    assert private.SensorType.STANDARD.value == "STANDARD"
    assert private.ASSET_PARTITION_RANGE_START_TAG == "dagster/asset_partition_range_start"
    assert private.ASSET_PARTITION_RANGE_END_TAG == "dagster/asset_partition_range_end"
