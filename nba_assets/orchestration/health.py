"""Whether something looks after the tables: the watcher watched, from what Dagster has recorded.

A sensor that has stopped, was deleted or raises, a daemon that is dead, a run that hangs and a full
disk are findings like any other.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.operations.findings import Fact, Finding
from nba_assets.orchestration.dagster_private import (
    InstigatorStatus,
    TickStatus,
    get_latest_completed_cron_tick,
)
from nba_assets.orchestration.sensors import UNFINISHED
from nba_assets.seasons import EASTERN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nba_assets.orchestration.dagster_private import InstigatorState

HEARTBEAT = timedelta(minutes=10)
"""after which a daemon without one is dead; it beats twice a minute"""
LATE = timedelta(minutes=40)
"""after which a tick is missed; sensors tick every quarter of an hour or more often"""
RUN = timedelta(hours=6)
"""after which an unfinished run hangs"""
FAILED = 3
"""ticks in a row that fail before it counts: a source may be down for minutes"""
FREE = 2 * 2**30
"""bytes a disk must have"""
DAEMONS = ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR")
START = "Start `dagster dev`, or the daemon: docs/how-to/run-as-a-service.md"


def unwatched(
    instance: dg.DagsterInstance,
    sensors: "Sequence[str]",
    schedules: "Mapping[str, str]",
    moment: datetime,
) -> Iterator[Finding]:
    """What keeps daemons, sensors, schedules and runs from doing their work at a moment.

    A schedule comes with its cron, US Eastern.
    """
    silent = dict(_daemons(instance, moment))
    if silent:
        facts: dict[Fact, str] = {(None, name): f"{name} {told}" for name, told in silent.items()}
        yield Finding("daemon", "watching", facts, START)
    states = instance.all_instigator_state()
    expected = moment - LATE
    due = {"SENSOR": dict.fromkeys(sensors, expected)}
    due["SCHEDULER"] = {
        name: get_latest_completed_cron_tick(cron, expected, EASTERN.key)
        for name, cron in schedules.items()
    }
    for daemon, names in due.items():
        for name, since in names.items() if daemon not in silent else ():
            of_name = [state for state in states if state.instigator_name == name]
            yield from _instigator(instance, name, of_name, since)
    yield from _runs(instance, moment)


def full(folder: "Path") -> Iterator[Finding]:
    """A disk without room for the next night."""
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < FREE:
        yield _finding("disk", f"{free / 2**30:.1f} GiB are free", "Make room")


def _daemons(instance: dg.DagsterInstance, moment: datetime) -> Iterator[tuple[str, str]]:
    """The daemons that are not at work, and why; what they run is then not looked at."""
    beats = instance.get_daemon_heartbeats()
    for name in DAEMONS:
        beat = beats.get(name)
        if beat is None:
            yield name, "never ran"
        elif moment - (at := datetime.fromtimestamp(beat.timestamp, UTC)) > HEARTBEAT:
            yield name, f"is silent since {_told(at)}"
        elif beat.errors:
            yield name, f"raised: {beat.errors[0].message.strip().splitlines()[0]}"


def _instigator(
    instance: dg.DagsterInstance,
    name: str,
    states: "Sequence[InstigatorState]",
    since: datetime,
) -> Iterator[Finding]:
    """What is wrong with one that must have had a tick since then."""
    ticks = [
        (state, tick)
        for state in states
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=FAILED)
    ]
    if not states:
        yield _finding(name, "it never ran: it is off, or not in what the daemon loads", START)
        return
    ticks.sort(key=lambda one: one[1].timestamp, reverse=True)
    # One that has moved, with another working directory say, leaves its old state behind.
    state = ticks[0][0] if ticks else states[-1]
    latest = [tick for of, tick in ticks if of is state]
    at = datetime.fromtimestamp(latest[0].timestamp if latest else _begun(state), UTC)
    if state.status is InstigatorStatus.STOPPED:
        yield _finding(name, "it is switched off", f"Switch {name} on in the UI")
    elif at < since:
        told = f"its last tick was {_told(at)}" if latest else f"no tick since {_told(at)}"
        yield _finding(name, told, START)
    elif len(latest) == FAILED and all(tick.status is TickStatus.FAILURE for tick in latest):
        error = latest[0].error
        told = error.message.strip().splitlines()[0] if error else "no word why"
        yield _finding(name, f"its ticks fail: {told}", f"See the ticks of {name} in the UI")


def _begun(state: "InstigatorState") -> float:
    """When it was switched on, as a timestamp; 0 where that is not known."""
    data = state.instigator_data
    for field in ("start_timestamp", "last_sensor_start_timestamp"):
        if begun := getattr(data, field, None):
            return float(begun)
    return 0.0


def _runs(instance: dg.DagsterInstance, moment: datetime) -> Iterator[Finding]:
    for record in instance.get_run_records(
        dg.RunsFilter(statuses=UNFINISHED, created_before=moment - RUN), limit=5
    ):
        run = record.dagster_run
        told = f"{run.status.value} since {_told(record.create_timestamp)}"
        remedy = "End it in the UI: what it has certified stays, the rest is run again"
        yield _finding(f"run {run.run_id}", told, remedy)


def _finding(title: str, told: str, remedy: str) -> Finding:
    return Finding(title, "watching", {(None, None): told}, remedy)


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
