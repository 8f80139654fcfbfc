"""Every name of Dagster that is not public and that this package relies on, and for what.

Nothing else imports from ``dagster._…``; ``test_dagster_private`` says what each is taken to be, so
that an upgrade of Dagster breaks there first, and says what for. A name is imported when it is
asked for: the storages load a database toolkit that most processes have no use for.
"""

# ruff: noqa: PLC0414 - the alias is how a name is exported to a type checker

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster._cli.utils import (
        get_possibly_temporary_instance_for_cli as get_possibly_temporary_instance_for_cli,
    )
    from dagster._core.asset_graph_view.serializable_entity_subset import (
        SerializableEntitySubset as SerializableEntitySubset,
    )
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationPlanned as AssetCheckEvaluationPlanned,
    )
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationTargetMaterializationData as AssetCheckEvaluationTargetMaterializationData,  # noqa: E501
    )
    from dagster._core.definitions.data_version import (
        INPUT_DATA_VERSION_TAG_PREFIX as INPUT_DATA_VERSION_TAG_PREFIX,
    )
    from dagster._core.definitions.data_version import (
        INPUT_EVENT_POINTER_TAG_PREFIX as INPUT_EVENT_POINTER_TAG_PREFIX,
    )
    from dagster._core.definitions.partitions.subset import PartitionsSubset as PartitionsSubset
    from dagster._core.definitions.sensor_definition import SensorType as SensorType
    from dagster._core.events.log import EventLogEntry as EventLogEntry
    from dagster._core.remote_origin import (
        RegisteredCodeLocationOrigin as RegisteredCodeLocationOrigin,
    )
    from dagster._core.remote_origin import RemoteInstigatorOrigin as RemoteInstigatorOrigin
    from dagster._core.remote_origin import RemoteRepositoryOrigin as RemoteRepositoryOrigin
    from dagster._core.scheduler.instigation import InstigatorState as InstigatorState
    from dagster._core.scheduler.instigation import InstigatorStatus as InstigatorStatus
    from dagster._core.scheduler.instigation import InstigatorTick as InstigatorTick
    from dagster._core.scheduler.instigation import InstigatorType as InstigatorType
    from dagster._core.scheduler.instigation import (
        ScheduleInstigatorData as ScheduleInstigatorData,
    )
    from dagster._core.scheduler.instigation import SensorInstigatorData as SensorInstigatorData
    from dagster._core.scheduler.instigation import TickData as TickData
    from dagster._core.scheduler.instigation import TickStatus as TickStatus
    from dagster._core.storage.asset_check_execution_record import (
        AssetCheckExecutionRecordStatus as AssetCheckExecutionRecordStatus,
    )
    from dagster._core.storage.asset_check_execution_record import (
        AssetCheckExecutionResolvedStatus as AssetCheckExecutionResolvedStatus,
    )
    from dagster._core.storage.asset_check_execution_record import (
        AssetCheckPartitionInfo as AssetCheckPartitionInfo,
    )
    from dagster._core.storage.asset_check_state import AssetCheckState as AssetCheckState
    from dagster._core.storage.dagster_run import FINISHED_STATUSES as FINISHED_STATUSES
    from dagster._core.storage.event_log import SqliteEventLogStorage as SqliteEventLogStorage
    from dagster._core.storage.event_log.schema import (
        AssetCheckExecutionsTable as AssetCheckExecutionsTable,
    )
    from dagster._core.storage.event_log.schema import (
        SqlEventLogStorageTable as SqlEventLogStorageTable,
    )
    from dagster._core.storage.local_compute_log_manager import (
        LocalComputeLogManager as LocalComputeLogManager,
    )
    from dagster._core.storage.runs import SqliteRunStorage as SqliteRunStorage
    from dagster._core.storage.schedules import SqliteScheduleStorage as SqliteScheduleStorage
    from dagster._core.storage.sqlite import (
        SQLITE_BUSY_TIMEOUT_SECONDS as SQLITE_BUSY_TIMEOUT_SECONDS,
    )
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_END_TAG as ASSET_PARTITION_RANGE_END_TAG,
    )
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_START_TAG as ASSET_PARTITION_RANGE_START_TAG,
    )
    from dagster._core.storage.tags import PARTITION_NAME_TAG as PARTITION_NAME_TAG
    from dagster._daemon.types import DaemonHeartbeat as DaemonHeartbeat
    from dagster._serdes import ConfigurableClassData as ConfigurableClassData
    from dagster._utils.interrupts import capture_interrupts as capture_interrupts
    from dagster._utils.schedules import (
        get_latest_completed_cron_tick as get_latest_completed_cron_tick,
    )
    from dagster._utils.schedules import is_valid_cron_schedule as is_valid_cron_schedule
    from dagster_shared.error import SerializableErrorInfo as SerializableErrorInfo

FROM = {
    # launching runs as Dagster's own command line does
    "ASSET_PARTITION_RANGE_END_TAG": "dagster._core.storage.tags",
    "ASSET_PARTITION_RANGE_START_TAG": "dagster._core.storage.tags",
    "PARTITION_NAME_TAG": "dagster._core.storage.tags",
    "capture_interrupts": "dagster._utils.interrupts",
    "get_possibly_temporary_instance_for_cli": "dagster._cli.utils",
    # telling which versions of its inputs a materialization was made from
    "INPUT_DATA_VERSION_TAG_PREFIX": "dagster._core.definitions.data_version",
    "INPUT_EVENT_POINTER_TAG_PREFIX": "dagster._core.definitions.data_version",
    # telling which materialization a check looked at
    "AssetCheckEvaluationTargetMaterializationData": (
        "dagster._core.definitions.asset_checks.asset_check_evaluation"
    ),
    # telling the state of every check of every date in one go
    "AssetCheckExecutionResolvedStatus": "dagster._core.storage.asset_check_execution_record",
    "AssetCheckPartitionInfo": "dagster._core.storage.asset_check_execution_record",
    "AssetCheckState": "dagster._core.storage.asset_check_state",
    "FINISHED_STATUSES": "dagster._core.storage.dagster_run",
    "PartitionsSubset": "dagster._core.definitions.partitions.subset",
    "SerializableEntitySubset": "dagster._core.asset_graph_view.serializable_entity_subset",
    # telling whether sensors, schedules and daemons do their work
    "InstigatorState": "dagster._core.scheduler.instigation",
    "InstigatorStatus": "dagster._core.scheduler.instigation",
    "TickStatus": "dagster._core.scheduler.instigation",
    "get_latest_completed_cron_tick": "dagster._utils.schedules",
    # telling a wrong setting before Dagster does, which would not say which
    "is_valid_cron_schedule": "dagster._utils.schedules",
    # writing what the daemon writes, at a moment of a rehearsal
    "DaemonHeartbeat": "dagster._daemon.types",
    "InstigatorTick": "dagster._core.scheduler.instigation",
    "InstigatorType": "dagster._core.scheduler.instigation",
    "RegisteredCodeLocationOrigin": "dagster._core.remote_origin",
    "RemoteInstigatorOrigin": "dagster._core.remote_origin",
    "RemoteRepositoryOrigin": "dagster._core.remote_origin",
    "ScheduleInstigatorData": "dagster._core.scheduler.instigation",
    "SensorInstigatorData": "dagster._core.scheduler.instigation",
    "SensorType": "dagster._core.definitions.sensor_definition",
    "SerializableErrorInfo": "dagster_shared.error",
    "TickData": "dagster._core.scheduler.instigation",
    # storages on SQLite that many processes open and that write in bulk
    "AssetCheckEvaluationPlanned": "dagster._core.definitions.asset_checks.asset_check_evaluation",
    "AssetCheckExecutionRecordStatus": "dagster._core.storage.asset_check_execution_record",
    "AssetCheckExecutionsTable": "dagster._core.storage.event_log.schema",
    "ConfigurableClassData": "dagster._serdes",
    "EventLogEntry": "dagster._core.events.log",
    "LocalComputeLogManager": "dagster._core.storage.local_compute_log_manager",
    "SQLITE_BUSY_TIMEOUT_SECONDS": "dagster._core.storage.sqlite",
    "SqlEventLogStorageTable": "dagster._core.storage.event_log.schema",
    "SqliteEventLogStorage": "dagster._core.storage.event_log",
    "SqliteRunStorage": "dagster._core.storage.runs",
    "SqliteScheduleStorage": "dagster._core.storage.schedules",
}
"""the module of each name"""


def __getattr__(name: str) -> Any:
    if name not in FROM:
        raise AttributeError(f"{name} is not among the private names of Dagster used here")
    return getattr(import_module(FROM[name]), name)
