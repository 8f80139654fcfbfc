"""What an instance need not keep: logs of runs that ended long ago, and check results that have
newer ones since. They are most of what it takes on disk, and read by nobody.

What a run materialized, and the newest result of every check of every date, stay: partitions, plots
and check results are as they were.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from nba_assets.orchestration.event_log_storage import BulkSqliteEventLogStorage

ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


@dataclass(frozen=True)
class Old:
    """What can go."""

    run_logs: Mapping[str, int]
    """bytes of each log of a run that ended before, by run id"""
    check_results: int
    """recorded before, that are not the newest of their check and date"""


def old(instance: dg.DagsterInstance, keep: timedelta) -> Old:
    """What is older than ``keep`` and can go; nothing in another storage."""
    if (storage := _storage(instance)) is None:
        return Old({}, 0)
    before = datetime.now(UTC) - keep
    sizes = {run_id: storage.run_log_size(run_id) for run_id in _ended(instance, before)}
    logs = {run_id: size for run_id, size in sizes.items() if size}
    return Old(logs, storage.superseded_check_results(before))


def remove_old(instance: dg.DagsterInstance, keep: timedelta) -> None:
    """Remove what ``old`` finds."""
    if (storage := _storage(instance)) is not None:
        before = datetime.now(UTC) - keep
        for run_id in _ended(instance, before):
            storage.remove_run_log(run_id)
        storage.remove_superseded_check_results(before)


def _storage(instance: dg.DagsterInstance) -> BulkSqliteEventLogStorage | None:
    storage = instance.event_log_storage
    return storage if isinstance(storage, BulkSqliteEventLogStorage) else None


def _ended(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    for record in instance.get_run_records(dg.RunsFilter(statuses=ENDED, updated_before=before)):
        yield record.dagster_run.run_id
