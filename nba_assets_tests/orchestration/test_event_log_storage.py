"""The bulk event log is the stock event log: same rows, same files, nothing lost or doubled."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy.exc
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.events import AssetMaterializationPlannedData, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster_shared.serdes.errors import SerializationError

from nba_assets.orchestration import event_log_storage
from nba_assets.orchestration.event_log_storage import BulkSqliteEventLogStorage

pytestmark = pytest.mark.filterwarnings(
    "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"
)

PARTITIONS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-07")
DATES = PARTITIONS.get_partition_keys()
BAD_DATE = DATES[2]
TABLES = ("raw", "summary")
CHECKS = ("rows", "coverage")
RUN_ID = "4b1b3f3e-0000-4000-8000-00000000000{}"

Rows = list[tuple[Any, ...]]


# --- what is stored, read from the files themselves -------------------------------------------


def query(file: Path, sql: str) -> Rows:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


CHECK_OF = (
    "json_extract(e.event, '$.dagster_event.event_specific_data.check_name'), "
    "json_extract(e.event, '$.dagster_event.event_specific_data.partition')"
)


def events(file: Path) -> Rows:
    """Type, asset, partition, check, step and run of every event, in the order of their ids."""
    return query(
        file,
        f'SELECT dagster_event_type, asset_key, "partition", {CHECK_OF}, step_key, run_id '
        "FROM event_logs e ORDER BY id",
    )


def contents(base_dir: Path) -> Mapping[str, Rows]:
    """Every table of an event log, with each reference to an event resolved to what it names."""
    index = base_dir / "index.db"
    named = 'e.dagster_event_type, e.asset_key, e."partition", e.run_id'
    return {
        **{f"run {file.stem}": events(file) for file in base_dir.glob("*.db") if file != index},
        "index": events(index),
        "asset_check_executions": query(
            index,
            'SELECT c.asset_key, c.check_name, c."partition", c.run_id, c.execution_status, '
            "c.evaluation_event = e.event, c.evaluation_event_timestamp = e.timestamp, "
            f'm.asset_key, m."partition", m.run_id, {named}, {CHECK_OF} '
            "FROM asset_check_executions c "
            "LEFT JOIN event_logs e ON e.id = c.evaluation_event_storage_id "
            "LEFT JOIN event_logs m ON m.id = c.materialization_event_storage_id ORDER BY c.id",
        ),
        "asset_keys": query(
            index,
            "SELECT k.asset_key, k.last_run_id, k.asset_details, k.wipe_timestamp, k.tags, "
            f"{named}, "
            "json_extract(k.last_materialization, '$.event_log_entry') = json(e.event) "
            "FROM asset_keys k LEFT JOIN event_logs e "
            "ON e.id = json_extract(k.last_materialization, '$.storage_id') ORDER BY k.asset_key",
        ),
        "the event that was the last of its asset": query(
            index,
            f"SELECT {named} FROM asset_keys k JOIN event_logs e ON e.asset_key = k.asset_key "
            "AND e.timestamp = k.last_materialization_timestamp ORDER BY k.asset_key, e.id",
        ),
        "asset_event_tags": query(
            index,
            "SELECT t.asset_key, t.key, t.value, t.event_timestamp = e.timestamp, "
            f"{named} FROM asset_event_tags t "
            "LEFT JOIN event_logs e ON e.id = t.event_id ORDER BY t.id",
        ),
    }


# --- real runs --------------------------------------------------------------------------------


def record(context: dg.AssetExecutionContext, table: str, dates: list[str]) -> Iterator[Any]:
    """Hand out the events of a table, the checks with the ids of what they checked."""
    for date in dates:
        yield dg.AssetMaterialization(
            table,
            partition=date,
            metadata={"dagster/partition_row_count": 240},
            tags={"dagster/data_version": f"{table} {date}", "not_indexed": "x"},
        )
    ids = context.instance.event_log_storage.get_latest_storage_id_by_partition(
        dg.AssetKey(table), dg.DagsterEventType.ASSET_MATERIALIZATION, set(dates)
    )
    context.log.info("%s is published", table)
    for check in CHECKS:
        for date in dates:
            yield dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(table),
                check_name=check,
                passed=date != DATES[1],
                partition=date,
                metadata={"expected": 240},
                target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                    run_id=context.run.run_id, storage_id=ids[date], timestamp=0.0
                ),
            )


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    """Build a chain that records its own events, beside assets that leave it to Dagster."""

    @dg.multi_asset(
        name="chain",
        specs=[dg.AssetSpec(table, partitions_def=PARTITIONS, skippable=True) for table in TABLES],
        check_specs=[
            dg.AssetCheckSpec(check, asset=table, partitions_def=PARTITIONS)
            for table in TABLES
            for check in CHECKS
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=dg.RetryPolicy(max_retries=1),
    )
    def chain(context: dg.AssetExecutionContext) -> Iterator[Any]:
        kind = context.run.tags["kind"]
        good_dates = [d for d in DATES if kind != "bad date" or d != BAD_DATE]
        for table in TABLES:
            yield from record(context, table, good_dates)
            if kind == "retried" and context.retry_number == 0:
                raise RuntimeError(kind)
            if kind == "bad date":
                raise dg.Failure(f"held: {BAD_DATE}", allow_retries=False)
            for check in CHECKS:
                yield dg.Output(None, output_name=f"{table}_{check}")

    @dg.asset(partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
    def features(context: dg.AssetExecutionContext) -> None:
        for date in context.partition_keys:
            context.log_event(dg.AssetObservation("features", partition=date))

    @dg.asset
    def model() -> None:
        pass

    @dg.asset_check(asset=model)
    def beats_baseline() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    return dg.Definitions(
        [chain, features, model], asset_checks=[beats_baseline], executor=dg.in_process_executor
    )


def configure(home: Path, *, bulk: bool) -> dg.DagsterInstance:
    """Open the instance in ``home``, with the one entry in its dagster.yaml or without."""
    home.mkdir(exist_ok=True)
    entry = {
        "event_log_storage": {
            "module": BulkSqliteEventLogStorage.__module__,
            "class": BulkSqliteEventLogStorage.__name__,
            "config": {"base_dir": str(home / "history" / "runs")},
        }
    }
    (home / "dagster.yaml").write_text(json.dumps(entry if bulk else {}))
    instance = dg.DagsterInstance.from_config(str(home))
    assert (type(instance.event_log_storage) is BulkSqliteEventLogStorage) is bulk
    return instance


def execute(
    definitions: dg.Definitions, instance: dg.DagsterInstance, number: int, kind: str
) -> bool:
    """Run the dated assets over all dates, or only the model; True if the run succeeded."""
    tags, selection = {"kind": kind}, ["model"]
    if kind != "model":
        tags["dagster/asset_partition_range_start"] = DATES[0]
        tags["dagster/asset_partition_range_end"] = DATES[-1]
        selection = [*TABLES, "features"]
    job = definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        run_id=RUN_ID.format(number),
        tags=tags,
        asset_selection=[dg.AssetKey(name) for name in selection],
        raise_on_error=False,
    ).success


RUNS = {"good": True, "bad date": False, "retried": True, "model": True}


@pytest.fixture(scope="module")
def stock_contents(
    definitions: dg.Definitions, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Rows]:
    """Run everything on the stock storage."""
    home = tmp_path_factory.mktemp("stock")
    with configure(home, bulk=False) as instance:
        for number, (kind, succeeds) in enumerate(RUNS.items()):
            assert execute(definitions, instance, number, kind) is succeeds
    return contents(home / "history" / "runs")


def test_runs_are_stored_as_by_the_stock_storage(
    definitions: dg.Definitions,
    stock_contents: Mapping[str, Rows],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BulkSqliteEventLogStorage, "max_events", 7)
    with configure(tmp_path, bulk=True) as instance:
        for number, (kind, succeeds) in enumerate(RUNS.items()):
            assert execute(definitions, instance, number, kind) is succeeds
    assert contents(tmp_path / "history" / "runs") == stock_contents


def test_the_compared_runs_leave_every_kind_of_row(stock_contents: Mapping[str, Rows]) -> None:
    dated = [row for row in stock_contents["asset_check_executions"] if row[2]]
    checked = {(row[4], row[7] is not None) for row in dated}
    assert checked == {("PLANNED", False), ("SUCCEEDED", True), ("FAILED", True)}
    bad = [row for row in dated if row[2] == BAD_DATE and row[3] == RUN_ID.format(1)]
    assert {row[4] for row in bad} == {"PLANNED"}
    assert {row[5:7] for row in dated} == {(1, 1)}
    assert {row[-1] for row in stock_contents["asset_keys"]} == {1}


def test_the_entry_can_be_removed_and_added_at_any_time(
    definitions: dg.Definitions, tmp_path: Path
) -> None:
    for runs_so_far, bulk in enumerate((True, False, True)):
        with configure(tmp_path, bulk=bulk) as instance:
            for table in TABLES:
                key = dg.AssetKey(table)
                records = instance.fetch_materializations(key, limit=100, ascending=True).records
                assert [(record.run_id, record.partition_key) for record in records] == [
                    (RUN_ID.format(run), date) for run in range(runs_so_far) for date in DATES
                ]
                history = instance.event_log_storage.get_asset_check_execution_history(
                    dg.AssetCheckKey(key, CHECKS[0]), limit=100
                )
                assert len(history) == len(DATES) * runs_so_far
            if runs_so_far < 2:
                assert execute(definitions, instance, runs_so_far, "good")


# --- when what waits is written ---------------------------------------------------------------


def entry(dagster_event: dg.DagsterEvent | None, run_id: str, message: str) -> EventLogEntry:
    """One event of a run, or a line of its log."""
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=10,
        user_message=message,
        run_id=run_id,
        timestamp=time.time(),
        step_key="chain",
        job_name="job",
        dagster_event=dagster_event,
    )


def materialization(
    name: int | str, run_id: str = "run", *, partitioned: bool = True
) -> EventLogEntry:
    """One of many events alike, unless it is not partitioned."""
    asset_materialization = dg.AssetMaterialization(
        "raw",
        partition=str(name) if partitioned else None,
        tags={"dagster/data_version": str(name)},
    )
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        "job",
        event_specific_data=StepMaterializationData(asset_materialization),
    )
    return entry(event, run_id, str(name))


def evaluation(
    partition: int | str, run_id: str = "run", *, passed: bool = True, target: int | None = None
) -> EventLogEntry:
    """Check a partition, of the materialization with the storage id ``target``."""
    check = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("raw"),
        check_name="rows",
        passed=passed,
        partition=str(partition),
        target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
            run_id=run_id, storage_id=target, timestamp=0.0
        )
        if target
        else None,
    )
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, "job", event_specific_data=check
    )
    return entry(event, run_id, str(partition))


def materialization_planned(partition: str, run_id: str) -> EventLogEntry:
    """Announce one partition, as Dagster does when a run is created."""
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
        "job",
        event_specific_data=AssetMaterializationPlannedData(
            dg.AssetKey("raw"), partition=partition
        ),
    )
    return entry(event, run_id, "planned")


def evaluation_planned(run_id: str) -> EventLogEntry:
    """Announce the check of all partitions, as Dagster does when a run is created."""
    planned = AssetCheckEvaluationPlanned(
        asset_key=dg.AssetKey("raw"),
        check_name="rows",
        partitions_subset=PARTITIONS.subset_with_partition_keys(DATES).to_serializable_subset(),
    )
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
        "job",
        event_specific_data=planned,
    )
    return entry(event, run_id, "planned")


class PatientStorage(BulkSqliteEventLogStorage):
    """Writes only when it must."""

    max_age_seconds = 3600.0


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[PatientStorage]:
    storage = PatientStorage(str(tmp_path))
    yield storage
    storage.dispose()


def written(base_dir: Path, shard: str = "run") -> list[str]:
    """Read the messages in the file of a run, or in ``index``, as another process does."""
    file = base_dir / f"{shard}.db"
    if not file.exists():
        return []
    rows = query(file, "SELECT json_extract(event, '$.user_message') FROM event_logs ORDER BY id")
    return [message for (message,) in rows]


def dump(base_dir: Path) -> Mapping[str, Rows]:
    """Every column of every row, but the time at which SQLite inserted it."""
    columns = {
        "event_logs": "*",
        "asset_event_tags": "*",
        "asset_keys": "id, asset_key, last_materialization, last_run_id, asset_details, "
        "wipe_timestamp, last_materialization_timestamp, tags, cached_status_data",
        "asset_check_executions": 'id, asset_key, check_name, "partition", run_id, '
        "execution_status, evaluation_event, evaluation_event_timestamp, "
        "evaluation_event_storage_id, materialization_event_storage_id",
    }
    return {
        f"{file.name} {table}": query(file, f"SELECT {names} FROM {table} ORDER BY id")
        for file in sorted(base_dir.glob("*.db"))
        for table, names in columns.items()
    }


def test_any_sequence_is_stored_as_by_the_stock_storage(tmp_path: Path) -> None:
    sequence = [
        evaluation_planned("run"),
        materialization_planned(DATES[0], "run"),
        materialization(DATES[0]),
        materialization(DATES[1]),
        evaluation(DATES[0], target=3),
        evaluation(DATES[1], passed=False),
        evaluation(DATES[1], target=4),
        evaluation("never planned"),
        materialization_planned(DATES[0], "next run"),
        evaluation("never planned", run_id="next run", passed=False),
        materialization("all", partitioned=False),
        evaluation_planned("next run"),
        materialization(DATES[0], run_id="next run"),
        # The asset's row keeps the materialization of one run and names another one.
        materialization_planned(DATES[1], "last run"),
    ]
    for storage_class in (SqliteEventLogStorage, PatientStorage):
        storage = storage_class(str(tmp_path / storage_class.__name__))
        for event in sequence:
            storage.store_event(event)
        storage.dispose()
    stock, bulk = (
        dump(tmp_path / storage_class.__name__)
        for storage_class in (SqliteEventLogStorage, PatientStorage)
    )
    assert bulk == stock


def until_written(base_dir: Path, expected: list[str]) -> None:
    deadline = time.monotonic() + 60
    while written(base_dir, "index") != expected and time.monotonic() < deadline:
        time.sleep(0.01)
    assert written(base_dir) == written(base_dir, "index") == expected


def test_events_alike_wait_for_the_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientStorage, "max_events", 3)
    storage = PatientStorage(str(tmp_path))
    for number in range(5):
        storage.store_event(materialization(number))
        assert len(written(tmp_path)) == len(written(tmp_path, "index")) == (number + 1) // 3 * 3
    storage.dispose()
    until_written(tmp_path, ["0", "1", "2", "3", "4"])


def test_events_alike_wait_for_the_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BulkSqliteEventLogStorage, "max_age_seconds", 0.05)
    storage = BulkSqliteEventLogStorage(str(tmp_path))
    for number in range(2):
        storage.store_event(materialization(number))
        until_written(tmp_path, [str(n) for n in range(number + 1)])


@pytest.mark.parametrize(
    "other",
    [
        materialization(1, partitioned=False),
        materialization(1, run_id="another run", partitioned=False),
        materialization(1, run_id=""),
        entry(dg.DagsterEvent(dg.DagsterEventType.STEP_START.value, "job"), "run", "1"),
        entry(None, "run", "1"),
    ],
    ids=["unpartitioned", "another run", "runless", "step start", "log line"],
)
def test_any_other_event_comes_after_what_waits(
    patient: PatientStorage, tmp_path: Path, other: EventLogEntry
) -> None:
    patient.store_event(materialization(0))
    assert written(tmp_path) == []
    patient.store_event(other)
    runs = dict.fromkeys(("run", other.run_id))
    assert [message for run_id in runs for message in written(tmp_path, run_id)] == ["0", "1"]


def test_whoever_reads_sees_what_waits(patient: PatientStorage) -> None:
    raw = dg.AssetKey("raw")

    patient.store_event(materialization(0))
    ids = patient.get_latest_storage_id_by_partition(raw, dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert set(ids) == {"0"}

    patient.store_event(evaluation(0))
    assert len(patient.get_asset_check_execution_history(dg.AssetCheckKey(raw, "rows"), 9)) == 1

    patient.store_event(materialization(1))
    messages = [record.user_message for record in patient.get_logs_for_run("run")]
    assert messages == ["0", "0", "1"]


def test_watchers_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BulkSqliteEventLogStorage, "max_age_seconds", 0.05)
    storage = BulkSqliteEventLogStorage(str(tmp_path))
    told: list[str] = []
    all_told = threading.Event()

    def tell(event: EventLogEntry, _cursor: str) -> None:
        told.append(event.user_message)
        if len(told) == 3:
            all_told.set()

    storage.store_event(materialization(0))
    storage.flush()
    storage.watch("run", None, tell)
    for number in (1, 2):
        storage.store_event(materialization(number))
    all_told.wait(60)
    storage.end_watch("run", tell)
    storage.dispose()
    assert told == ["0", "1", "2"]


def test_wipe_leaves_nothing_that_comes_back(patient: PatientStorage, tmp_path: Path) -> None:
    patient.store_event(materialization(0))
    patient.wipe()
    patient.flush()
    assert not (tmp_path / "run.db").exists()
    assert written(tmp_path, "index") == []


# --- when things go wrong ---------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_refused_write_is_tried_again_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (
        "dagster._core.storage.event_log.sqlite.sqlite_event_log",
        "nba_assets.orchestration.event_log_storage",
    ):
        monkeypatch.setattr(f"{module}.SQLITE_BUSY_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(BulkSqliteEventLogStorage, "max_age_seconds", 0.05)
    storage = BulkSqliteEventLogStorage(str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "index.db")) as other_process:
        other_process.execute("BEGIN IMMEDIATE")
        storage.store_event(materialization(0))
        with pytest.raises(sqlalchemy.exc.OperationalError, match="locked"):
            storage.flush()
        assert (written(tmp_path), written(tmp_path, "index")) == (["0"], [])
    until_written(tmp_path, ["0"])


def test_an_event_that_cannot_be_serialised_fails_alone(
    patient: PatientStorage, tmp_path: Path
) -> None:
    patient.store_event(materialization(0))
    value = dg.MetadataValue.json([])
    assert isinstance(value.data, list)
    value.data.append(object())
    broken = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        "job",
        event_specific_data=StepMaterializationData(
            dg.AssetMaterialization("raw", partition="1", metadata={"value": value})
        ),
    )
    with pytest.raises(SerializationError):
        patient.store_event(entry(broken, "run", "1"))
    patient.store_event(materialization(2))
    patient.flush()
    assert written(tmp_path) == written(tmp_path, "index") == ["0", "2"]


def apart(function: Callable[..., None], *args: object) -> subprocess.Popen[str]:
    """Call a function of this module in a process of its own."""
    return subprocess.Popen(  # noqa: S603 - this interpreter, this module
        [
            sys.executable,
            "-c",
            f"import sys; from {__name__} import {function.__name__} as f; f(*sys.argv[1:])",
            *map(str, args),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def store_and_be_killed(base_dir: str, count: str) -> None:
    storage = PatientStorage(base_dir)
    for number in range(int(count)):
        storage.store_event(materialization(number))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_loses_less_than_the_bound(tmp_path: Path) -> None:
    count = 2 * PatientStorage.max_events + 123
    process = apart(store_and_be_killed, tmp_path, count)
    process.communicate(timeout=180)
    assert process.returncode == -signal.SIGKILL
    kept = written(tmp_path)
    assert count - len(kept) < PatientStorage.max_events
    assert kept == written(tmp_path, "index") == [str(number) for number in range(len(kept))]


def store_fork_and_exit(base_dir: str) -> None:
    storage = PatientStorage(base_dir)
    storage.store_event(materialization(0))
    if child := os.fork():
        os.waitpid(child, 0)
        storage.store_event(materialization(2))
    else:
        storage.store_event(materialization(1))


def test_exit_writes_what_waits_and_a_fork_doubles_nothing(tmp_path: Path) -> None:
    process = apart(store_fork_and_exit, tmp_path)
    process.communicate(timeout=180)
    assert process.returncode == 0
    # The child exits, and writes its own event, while the parent's first still waits.
    assert written(tmp_path) == written(tmp_path, "index") == ["1", "0", "2"]


# --- many writers -----------------------------------------------------------------------------

WRITERS = 2
THREADS = 2
PAIRS = 100


def store_from_threads(base_dir: str, writer: str) -> None:
    storage = BulkSqliteEventLogStorage(base_dir)
    storage.max_events = 20  # many writes to collide in

    def store(thread: int) -> None:
        for number in range(PAIRS):
            own = (int(writer) * THREADS + thread) * PAIRS + number
            run_id = "shared" if number % 2 else f"run {writer}"
            storage.store_event(materialization(own, run_id))
            storage.store_event(evaluation(own, run_id))
            if number % 50 == 0:
                storage.store_event(entry(None, run_id, f"log {own}"))

    threads = [threading.Thread(target=store, args=(thread,)) for thread in range(THREADS)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_and_processes_lose_and_double_nothing(tmp_path: Path) -> None:
    stock = SqliteEventLogStorage(str(tmp_path))
    processes = [apart(store_from_threads, tmp_path, writer) for writer in range(WRITERS)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    stock_numbers = range(-20, 0)
    for number in stock_numbers:
        stock.store_event(materialization(number, "stock run"))
    for process in processes:
        process.communicate(timeout=180)
        assert process.returncode == 0

    every = WRITERS * THREADS * PAIRS
    pairs = [str(number) for number in range(every) for _ in range(2)]
    in_runs = [written(tmp_path, run) for run in ("run 0", "run 1", "shared")]
    logs = [message for run in in_runs for message in run if message.startswith("log")]
    assert len(logs) == len(set(logs)) == WRITERS * THREADS * PAIRS // 50
    in_runs = [[message for message in run if not message.startswith("log")] for run in in_runs]
    assert sorted(message for run in in_runs for message in run) == sorted(pairs)
    in_index = written(tmp_path, "index")
    assert sorted(in_index) == sorted(pairs + [str(number) for number in stock_numbers])

    for order in (*in_runs, in_index):
        for thread in range(WRITERS * THREADS):
            own = [int(message) for message in order if int(message) // PAIRS == thread]
            assert own == sorted(own)

    index = tmp_path / "index.db"
    message = "json_extract(e.event, '$.user_message')"
    checks = query(
        index,
        f'SELECT c."partition", {message}, c.run_id = e.run_id FROM asset_check_executions c '
        "JOIN event_logs e ON e.id = c.evaluation_event_storage_id",
    )
    assert sorted(checks) == sorted((str(number), str(number), 1) for number in range(every))
    tags = query(
        index,
        f"SELECT t.value, {message} FROM asset_event_tags t JOIN event_logs e ON e.id = t.event_id",
    )
    tagged = range(stock_numbers.start, every)
    assert sorted(tags) == sorted((str(number), str(number)) for number in tagged)
    last = query(
        index,
        "SELECT json_extract(last_materialization, '$.storage_id'), (SELECT max(id) "
        "FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION') FROM asset_keys",
    )
    assert [kept == latest for kept, latest in last] == [True]


# --- where it is not the bulk storage ---------------------------------------------------------


def test_an_untested_dagster_gets_the_stock_behaviour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log_storage, "TESTED_DAGSTER_VERSIONS", frozenset({"1.0.0"}))
    with pytest.warns(UserWarning, match=r"tested with Dagster 1\.0\.0"):
        storage = PatientStorage(str(tmp_path))
    storage.store_event(materialization(0))
    assert written(tmp_path) == written(tmp_path, "index") == ["0"]


def test_an_unmigrated_database_gets_the_stock_behaviour(tmp_path: Path) -> None:
    SqliteEventLogStorage(str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "index.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '5771160a95ad'")
    with pytest.warns(UserWarning, match="dagster instance migrate"):
        storage = PatientStorage(str(tmp_path))
    storage.store_event(materialization(0))
    assert written(tmp_path) == written(tmp_path, "index") == ["0"]
