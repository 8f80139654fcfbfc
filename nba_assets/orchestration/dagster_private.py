"""Every name of Dagster that is not public and that this package relies on, and for what.

Nothing else imports from ``dagster._…``; ``test_dagster_private`` says what each is taken to be, so
that an upgrade of Dagster breaks there first, and says what for.
"""

from dagster._cli.utils import get_possibly_temporary_instance_for_cli
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from dagster._serdes import ConfigurableClassData
from dagster._utils.interrupts import capture_interrupts

__all__ = (  # noqa: RUF022 (in the order of what they are for)
    # launching runs as Dagster's own command line does
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "capture_interrupts",
    "get_possibly_temporary_instance_for_cli",
    # telling which materialization a check looked at
    "AssetCheckEvaluationTargetMaterializationData",
    # storages on SQLite that many processes open and that write in bulk
    "AssetCheckEvaluationPlanned",
    "AssetCheckExecutionRecordStatus",
    "AssetCheckExecutionsTable",
    "ConfigurableClassData",
    "EventLogEntry",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "SqliteScheduleStorage",
)
