"""Dagster's daemon played by hand: the sensors and the schedule of a deployment evaluated at any
moment, what they ask for run, and the instance told what the daemon tells it.
"""

from collections.abc import Callable
from datetime import datetime

import dagster as dg

from nba_assets.errors import NbaAssetsError
from nba_assets.orchestration.alerts import MORNING
from nba_assets.orchestration.dagster_private import (
    DaemonHeartbeat,
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    InstigatorType,
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
    ScheduleInstigatorData,
    SensorInstigatorData,
    SensorType,
    SerializableErrorInfo,
    TickData,
    TickStatus,
)
from nba_assets.orchestration.health import DAEMONS
from nba_assets.orchestration.launch import QUIET
from nba_assets.orchestration.sensors import WATCHER


class Daemon:
    """The daemon of a deployment, its clock in the caller's hands."""

    def __init__(
        self,
        definitions: dg.Definitions,
        instance: dg.DagsterInstance,
        now: Callable[[], datetime],
    ) -> None:
        self._definitions, self._instance, self._now = definitions, instance, now
        self.cursors: dict[str, str] = {}
        self.keys: set[str | None] = set()
        """the run keys that were used: what is asked for with one of them is not run again"""
        self.skipped = ""
        """why the last tick asked for nothing"""
        tell_state(instance, state(MORNING, schedule=True, since=now()))

    def tick(self, sensor: str = WATCHER) -> list[dg.RunRequest]:
        """Evaluate a sensor: the runs it asks for.

        Raises:
            NbaAssetsError: the sensor did; that is recorded, and its cursor stays.
        """
        definition = self._definitions.resolve_sensor_def(sensor)
        cursor = self.cursors.get(sensor)
        tick = tell_tick(self._instance, state(sensor, cursor=cursor), self._now())
        with dg.build_sensor_context(
            self._instance, cursor=cursor, definitions=self._definitions
        ) as context:
            try:
                result = definition.evaluate_tick(context)
            except NbaAssetsError as error:
                failed = SerializableErrorInfo(str(error), [], type(error).__name__)
                self._instance.update_tick(tick.with_status(TickStatus.FAILURE, error=failed))
                raise
        if result.cursor:
            self.cursors[sensor] = result.cursor
            tell_state(self._instance, state(sensor, cursor=result.cursor))
        self.skipped = result.skip_message or ""
        requests = [one for one in result.run_requests or () if one.run_key not in self.keys]
        self.keys.update(one.run_key for one in requests)
        return requests

    def run(self, request: dg.RunRequest, job: str = "whole_graph") -> dg.ExecuteInProcessResult:
        """Run what was asked for, as the launcher does."""
        return self._definitions.resolve_job_def(job).execute_in_process(
            run_config=QUIET,
            instance=self._instance,
            asset_selection=list(request.asset_selection or ()),
            tags=dict(request.tags),
            raise_on_error=False,
        )

    def settle(self) -> int:
        """Tick and run until nothing is asked for; how many runs that took."""
        runs = 0
        while requests := self.tick():
            for request in requests:
                self.run(request)
            runs += len(requests)
        return runs

    def morning(self) -> dg.ExecuteInProcessResult:
        """The morning plan, as its schedule runs it."""
        tell_tick(self._instance, state(MORNING, schedule=True), self._now())
        return self._definitions.resolve_job_def(MORNING).execute_in_process(
            run_config=QUIET, instance=self._instance, raise_on_error=False
        )

    def beat(self) -> None:
        """Give the signs of life."""
        for name in DAEMONS:
            tell_beat(self._instance, name, self._now())


def tell_beat(instance: dg.DagsterInstance, daemon: str, at: datetime, error: str = "") -> None:
    """Record a sign of life of a daemon."""
    errors = [SerializableErrorInfo(error, [], None)] if error else None
    instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), daemon, "played", errors))


def state(
    name: str,
    *,
    schedule: bool = False,
    cursor: str | None = None,
    status: InstigatorStatus | None = None,
    location: str = "nba_assets",
    since: datetime | None = None,
) -> InstigatorState:
    """What is recorded of a sensor, or of a schedule."""
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__"), name
    )
    status = status or InstigatorStatus.DECLARED_IN_CODE
    begun = since.timestamp() if since else None
    if schedule:
        daily = ScheduleInstigatorData("0 9 * * *", start_timestamp=begun)
        return InstigatorState(origin, InstigatorType.SCHEDULE, status, daily)
    data = SensorInstigatorData(
        cursor=cursor, sensor_type=SensorType.STANDARD, last_sensor_start_timestamp=begun
    )
    return InstigatorState(origin, InstigatorType.SENSOR, status, data)


def tell_state(instance: dg.DagsterInstance, one: InstigatorState) -> None:
    """Record it, in place of what was."""
    if instance.get_instigator_state(one.instigator_origin_id, one.selector_id):
        instance.update_instigator_state(one)
    else:
        instance.add_instigator_state(one)


def tell_tick(
    instance: dg.DagsterInstance, one: InstigatorState, at: datetime, error: str = ""
) -> InstigatorTick:
    """Record a tick: one that had nothing to do, or one that raised."""
    tell_state(instance, one)
    return instance.create_tick(
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
