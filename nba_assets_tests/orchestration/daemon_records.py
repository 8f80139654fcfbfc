"""What Dagster's daemon writes into an instance, written by a test at any moment."""

from datetime import datetime

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo


def beat(instance: dg.DagsterInstance, daemon: str, at: datetime, error: str = "") -> None:
    """A sign of life of a daemon."""
    errors = [SerializableErrorInfo(error, [], None)] if error else None
    instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), daemon, "id", errors))


def state(
    name: str,
    *,
    schedule: bool = False,
    cursor: str | None = None,
    status: InstigatorStatus = InstigatorStatus.DECLARED_IN_CODE,
    location: str = "nba_assets",
    since: datetime | None = None,
) -> InstigatorState:
    """What is recorded of a sensor, or of a schedule."""
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__"), name
    )
    begun = since.timestamp() if since else None
    if schedule:
        daily = ScheduleInstigatorData("0 9 * * *", start_timestamp=begun)
        return InstigatorState(origin, InstigatorType.SCHEDULE, status, daily)
    data = SensorInstigatorData(
        cursor=cursor, sensor_type=SensorType.STANDARD, last_sensor_start_timestamp=begun
    )
    return InstigatorState(origin, InstigatorType.SENSOR, status, data)


def put(instance: dg.DagsterInstance, one: InstigatorState) -> None:
    """Record it, in place of what was."""
    if instance.get_instigator_state(one.instigator_origin_id, one.selector_id):
        instance.update_instigator_state(one)
    else:
        instance.add_instigator_state(one)


def tick(instance: dg.DagsterInstance, one: InstigatorState, at: datetime, error: str = "") -> None:
    """A tick at a moment: one that had nothing to do, or one that raised."""
    put(instance, one)
    instance.create_tick(
        TickData(
            one.instigator_origin_id,
            one.instigator_name,
            one.instigator_type,
            TickStatus.FAILURE if error else TickStatus.SKIPPED,
            at.timestamp(),
            selector_id=one.selector_id,
            error=SerializableErrorInfo(error, [], None) if error else None,
        )
    )
