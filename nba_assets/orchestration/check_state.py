"""Which dates of which check have passed, as Dagster's catalog and checks pages ask for it.

Dagster adds one date after the other to a set of dates and asks a calendar each time, which takes
seconds a check on a warehouse of some seasons. Here each set is made once; most checks have the
same. What is told is the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.orchestration.dagster_private import (
    FINISHED_STATUSES,
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionResolvedStatus,
    AssetCheckPartitionInfo,
    AssetCheckState,
    PartitionsSubset,
    SerializableEntitySubset,
)

if TYPE_CHECKING:
    from nba_assets.orchestration.dagster_private import SqliteEventLogStorage

Dated = tuple[dg.AssetCheckKey, dg.PartitionsDefinition]


def check_states(
    storage: "SqliteEventLogStorage", instance: dg.DagsterInstance, keys: Sequence[Dated]
) -> dict[dg.AssetCheckKey, AssetCheckState]:
    """The state of checks that have dates."""
    infos: dict[dg.AssetCheckKey, list[AssetCheckPartitionInfo]] = defaultdict(list)
    planned: set[str] = set()
    for info in storage.get_asset_check_partition_info([key for key, _ in keys]):
        infos[info.check_key].append(info)
        if info.latest_execution_status is AssetCheckExecutionRecordStatus.PLANNED:
            planned.add(info.latest_planned_run_id)
    ended: dict[str, dg.DagsterRunStatus] = {}
    if planned:
        finished = dg.RunsFilter(run_ids=sorted(planned), statuses=FINISHED_STATUSES)
        ended = {run.run_id: run.status for run in instance.get_runs(finished)}
    subsets = _Subsets()
    return {key: _state(key, dates, infos[key], ended, subsets) for key, dates in keys}


class _Subsets:
    """The sets of dates of one request."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, frozenset[str]], PartitionsSubset] = {}
        self._known: dict[int, frozenset[str]] = {}

    def known(self, dates: dg.PartitionsDefinition) -> frozenset[str]:
        """The partitions there are."""
        if id(dates) not in self._known:
            self._known[id(dates)] = frozenset(dates.get_partition_keys())
        return self._known[id(dates)]

    def of(self, dates: dg.PartitionsDefinition, partitions: Iterable[str]) -> PartitionsSubset:
        """The set of some of them."""
        wanted = frozenset(partitions)
        if (id(dates), wanted) not in self._made:
            self._made[id(dates), wanted] = dates.subset_with_partition_keys(sorted(wanted))
        return self._made[id(dates), wanted]


def _state(
    key: dg.AssetCheckKey,
    dates: dg.PartitionsDefinition,
    infos: Sequence[AssetCheckPartitionInfo],
    ended: Mapping[str, dg.DagsterRunStatus],
    subsets: _Subsets,
) -> AssetCheckState:
    """Each date under the status of its latest evaluation, where that is of its latest
    materialization; one that is only planned under what became of its run.
    """
    by_status: dict[AssetCheckExecutionResolvedStatus, set[str]] = {
        status: set() for status in AssetCheckExecutionResolvedStatus
    }
    running: dict[str, set[str]] = defaultdict(set)
    for info in infos:
        if info.partition_key not in subsets.known(dates):
            continue
        status = _resolved(info, ended)
        if status is not None:
            by_status[status].add(info.partition_key)
        if status is AssetCheckExecutionResolvedStatus.IN_PROGRESS:
            running[info.latest_planned_run_id].add(info.partition_key)

    def subset(partitions: Iterable[str]) -> SerializableEntitySubset[dg.AssetCheckKey]:
        return SerializableEntitySubset(key=key, value=subsets.of(dates, partitions))

    return AssetCheckState(
        latest_storage_id=max(
            (
                max(i.latest_check_event_storage_id, i.latest_materialization_storage_id or 0)
                for i in infos
            ),
            default=0,
        ),
        subsets={status: subset(found) for status, found in by_status.items()},
        in_progress_runs={run_id: subset(found) for run_id, found in running.items()},
    )


def _resolved(
    info: AssetCheckPartitionInfo, ended: Mapping[str, dg.DagsterRunStatus]
) -> AssetCheckExecutionResolvedStatus | None:
    resolved = AssetCheckExecutionResolvedStatus
    if info.latest_execution_status is not AssetCheckExecutionRecordStatus.PLANNED:
        return resolved(info.latest_execution_status.value) if info.is_current else None
    status = ended.get(info.latest_planned_run_id)
    if status is None:
        return resolved.IN_PROGRESS
    if status is dg.DagsterRunStatus.FAILURE:
        return resolved.EXECUTION_FAILED
    return resolved.SKIPPED
