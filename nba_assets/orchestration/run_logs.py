"""The logs of runs that ended long ago: most of what an instance takes on disk, and read by nobody.

What a run materialized and checked is recorded a second time among the events of all runs, which
stay: partitions, plots and check results are as they were.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from nba_assets.orchestration.event_log_storage import BulkSqliteEventLogStorage

ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def old_run_logs(instance: dg.DagsterInstance, keep: timedelta) -> Mapping[str, int]:
    """Bytes of each log of a run that ended longer ago, by run id; none in another storage."""
    storage = instance.event_log_storage
    if not isinstance(storage, BulkSqliteEventLogStorage):
        return {}
    before = dg.RunsFilter(statuses=ENDED, updated_before=datetime.now(UTC) - keep)
    runs = (record.dagster_run.run_id for record in instance.get_run_records(before))
    return {run_id: size for run_id in runs if (size := storage.run_log_size(run_id))}


def remove_run_logs(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> None:
    """Remove the logs of runs that have ended."""
    storage = instance.event_log_storage
    if isinstance(storage, BulkSqliteEventLogStorage):
        for run_id in run_ids:
            storage.remove_run_log(run_id)
