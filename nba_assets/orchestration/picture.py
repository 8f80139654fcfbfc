"""What Dagster shows of every date, compared with what the ledger says.

The two part where a run was cancelled or killed while it recorded, an asset was wiped, or the
warehouse was filled, repaired or replaced from where this instance was not asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.certification import ledger
from nba_assets.operations.plan import runs
from nba_assets.orchestration.chain import UNKNOWN, data_version
from nba_assets.orchestration.dagster_private import AssetCheckExecutionRecordStatus
from nba_assets.orchestration.partitions import game_date_partitions

if TYPE_CHECKING:
    from nba_assets.certification.ledger import Attempt
    from nba_assets.contracts.dated_table import DatedTable
    from nba_assets.deployment import Deployment

DATA_VERSION = "dagster/data_version"


def contradictions(
    deployment: "Deployment", instance: dg.DagsterInstance
) -> dict[tuple[str, date], str]:
    """By table and date, how what Dagster shows differs from the record in force.

    A date that a run is at work on is not judged. It costs two queries a table, and one a check.
    """
    partitions = game_date_partitions(deployment.settings.first_date)
    days = {date.fromisoformat(key): key for key in partitions.get_partition_keys()}
    with deployment.reading() as engine:
        recorded = ledger.latest(engine, deployment.tables, min(days), max(days)) if engine else {}
    found = {}
    for name, table in deployment.tables.items():
        of_table = {day: recorded.get((name, day)) for day in days}
        for day, told in _of_table(instance, table, partitions, of_table):
            found[name, day] = told
    return found


def sync(deployment: "Deployment", instance: dg.DagsterInstance) -> dict[tuple[str, date], str]:
    """Record once more in Dagster what the ledger says where the two differ; where they did.

    By runs that build nothing. One that tells of a date that is not certified fails, as the run
    that built it did.
    """
    from nba_assets.orchestration.launch import Launcher

    if found := contradictions(deployment, instance):
        launcher = Launcher(deployment, instance, lambda _: None)
        for run in runs(found, deployment.tables):
            launcher.run(run, from_ledger=True)
    return found


def _of_table(
    instance: dg.DagsterInstance,
    table: "DatedTable",
    partitions: dg.DailyPartitionsDefinition,
    recorded: "Mapping[date, Attempt | None]",
) -> Iterator[tuple[date, str]]:
    key = dg.AssetKey(table.name)
    names = {day: day.isoformat() for day in recorded}
    shown = instance.get_status_by_partition(key, list(names.values()), partitions) or {}
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION]
    )
    checks = _checks(instance, [dg.AssetCheckKey(key, name) for name in table.contract.checks])
    for day, name in names.items():
        status = shown.get(name)
        if status is dg.AssetPartitionStatus.IN_PROGRESS:
            continue
        attempt = recorded[day]
        if attempt is None:
            # One that failed may have left no record; what was built has.
            if status is dg.AssetPartitionStatus.MATERIALIZED:
                yield day, f"shown as built, {UNKNOWN}"
        elif told := _of_date(attempt, status, tags.get(name, {})):
            yield day, told
        else:
            ended = {check.name: check.passed for check in attempt.checks}
            expected = dict.fromkeys(table.contract.checks, True) | ended
            if differing := expected.items() ^ checks[name].items():
                told = ", ".join(sorted({check for check, _ in differing}))
                yield day, f"shown with other check results than it has: {told}"


def _checks(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey]
) -> Mapping[str, Mapping[str, bool]]:
    """By partition, whether each check of which a result is shown has passed."""
    passed = {
        AssetCheckExecutionRecordStatus.SUCCEEDED: True,
        AssetCheckExecutionRecordStatus.FAILED: False,
    }
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for info in instance.event_log_storage.get_asset_check_partition_info(list(keys)):
        if info.partition_key and info.is_current and info.latest_execution_status in passed:
            found[info.partition_key][info.check_key.name] = passed[info.latest_execution_status]
    return found


def _of_date(
    attempt: "Attempt", shown: dg.AssetPartitionStatus | None, tags: Mapping[str, str]
) -> str:
    status = dg.AssetPartitionStatus
    if shown is not (status.MATERIALIZED if attempt.status.certified else status.FAILED):
        return f"shown as {shown.value if shown else 'MISSING'}, the ledger says {attempt.status}"
    if attempt.status.certified and tags.get(DATA_VERSION) != data_version(attempt.digest):
        return "another version is shown than is stored"
    return ""
