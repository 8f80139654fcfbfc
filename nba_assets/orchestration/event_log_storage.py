"""Dagster's SQLite event log, writing the events of a range of partitions in bulk.

A run over N dates records one event per date for every asset and every check: 613 dates of 8
assets with 4 checks each are 29,000 events. Dagster's ``SqliteEventLogStorage`` writes each of
them in two to four transactions, every one on a new engine that compiles its SQL anew, and that
takes longer than the work it records. The subclass here writes the same rows to the same files, a
few hundred at a time. Its one entry in ``dagster.yaml`` names the directory the stock storage uses:

.. code-block:: yaml

    event_log_storage:
      module: nba_assets.orchestration.event_log_storage
      class: BulkSqliteEventLogStorage
      config: {base_dir: .dagster/history/runs}

Delete the entry, and the stock storage goes on with what is there.

What waits, and for how long
----------------------------

Only the events that come once per partition or check of a run (planned or done materialization,
planned or done check evaluation) wait in memory. They are written when ``max_events`` wait, when
the oldest has waited ``max_age_seconds``, and before this storage stores any other event, answers
any read, is disposed or its process exits. Hence:

* within a run, the order is the order of arrival;
* a step that reported success has lost nothing: its ``STEP_SUCCESS`` is written after them;
* who reads through this storage sees everything stored before; other processes see it at most
  ``max_age_seconds`` later;
* a killed process (SIGKILL, power cut) loses at most what waited, and only of steps and launches
  of runs that had not finished;
* a write that fails (disk full, database locked) raises as in the stock storage, but its events
  stay and are tried again.

What it relies on
-----------------

Dagster has no public way to write SQLite events in bulk: ``DAGSTER_EVENT_BATCH_SIZE`` ends in a
loop over ``store_event``. The table objects, ``_connect``, ``_event_to_row``,
``_store_asset_event`` and ``_store_asset_event_tags`` are private, therefore

* the tests compare every table with what the stock storage writes for the same runs;
* under a Dagster not in ``TESTED_DAGSTER_VERSIONS``, or on a database that is not migrated to its
  schema, the class warns and *is* the stock storage: slow, and right. A faster way of writing the
  same rows is no reason to keep an installation from starting.
"""

import atexit
import os
import sqlite3
import threading
import warnings
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import dagster as dg
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from nba_assets.orchestration.dagster_private import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    AssetCheckEvaluationPlanned,
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    ConfigurableClassData,
    EventLogEntry,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
)
from nba_assets.orchestration.instance_storage import in_home, one_at_a_time

if TYPE_CHECKING:
    from nba_assets.orchestration.dagster_private import AssetCheckState

INDEX_SHARD = "index"
"""the file of the events of all runs"""
TESTED_DAGSTER_VERSIONS = frozenset({"1.13.27"})


class _WaitingEvent(NamedTuple):
    entry: EventLogEntry
    row: Mapping[str, Any]
    """its row of ``event_logs``, without the id"""


class BulkSqliteEventLogStorage(SqliteEventLogStorage):
    """``SqliteEventLogStorage`` that writes the per-partition events of runs in bulk."""

    max_events = 500
    max_age_seconds = 1.0

    _lock: threading.Lock
    _timer: threading.Timer | None
    # Two queues, each emptied when its own file has committed: if the second file refuses,
    # trying again does not write to the first one twice.
    _run_rows: dict[str, list[Mapping[str, Any]]]
    _index_events: list[_WaitingEvent]
    _engines: dict[str, sa.Engine]
    """by file; they hold no connection while none is used"""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the event log in ``base_dir``, creating it if need be."""
        self.forget_waiting()
        self._engines = {}
        with one_at_a_time(base_dir):
            super().__init__(base_dir, inst_data)
        self._bulk = self._is_tested_ground()
        _storages.add(self)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Build the storage an entry of ``dagster.yaml`` asks for; the base class names itself."""
        return cls(in_home(config_value["base_dir"]), inst_data)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event; if it is one of many alike, with others like it."""
        if not (self._bulk and _comes_per_partition(event)):
            super().store_event(event)
            return
        # Serialised here, so that an event that cannot be stored fails its own caller only.
        row = self._event_to_row(event)
        with self._lock:
            self._run_rows.setdefault(event.run_id, []).append(row)
            self._index_events.append(_WaitingEvent(event, row))
            if self._timer is None:
                self._start_timer()
            full = len(self._index_events) >= self.max_events
        if full:
            self.flush()

    def flush(self) -> None:
        """Write the events that wait, if any.

        The lock is held to the end, so that who comes meanwhile finds them written, too.
        """
        with self._lock:
            if not self._index_events:
                return
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            try:
                self._write_run_rows()
                self._write_index_events()
            finally:
                if self._index_events:
                    self._start_timer()

    def forget_waiting(self) -> None:
        """Start with nothing waiting: after a fork that is the parent's, and so is its lock."""
        self._lock = threading.Lock()
        self._timer = None
        self._run_rows = {}
        self._index_events = []

    # Every read and every other write of the base class goes through these two.

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        """Connect to the events of a run, all of them written."""
        self.flush()
        connection: AbstractContextManager[Connection] = super().run_connection(run_id)
        return connection

    def index_connection(self) -> AbstractContextManager[Connection]:
        """Connect to the events of all runs, all of them written."""
        self.flush()
        return super().index_connection()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """Connect to a file of the storage.

        The base class makes an engine for every connection, and SQLAlchemy gets to know its dialect
        each time.
        """
        with self._db_lock:
            if shard not in self._engines:
                self._engines[shard] = sa.create_engine(
                    self.conn_string_for_shard(shard),
                    poolclass=sa.NullPool,
                    connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
                )
            removed = shard != INDEX_SHARD and not Path(self.path_for_shard(shard)).exists()
            if removed or shard not in self._initialized_dbs:
                self._initdb(self._engines[shard])
                self._initialized_dbs.add(shard)
            with self._engines[shard].begin() as connection:
                yield connection

    def get_asset_check_state(
        self, keys: Sequence[tuple[dg.AssetCheckKey, dg.PartitionsDefinition | None]]
    ) -> "Mapping[dg.AssetCheckKey, AssetCheckState]":
        """The state of each check by date: as the base class tells it, a hundred times as fast."""
        if not self._bulk:
            return super().get_asset_check_state(keys)
        from nba_assets.orchestration.check_state import check_states

        whole = super().get_asset_check_state([one for one in keys if one[1] is None])
        dated = [(key, dates) for key, dates in keys if dates is not None]
        return {**whole, **check_states(self, self._instance, dated)}

    def run_log_size(self, run_id: str) -> int:
        """Bytes of the log of a run; 0 where it was removed."""
        file = Path(self.path_for_shard(run_id))
        return file.stat().st_size if file.exists() else 0

    def remove_run_log(self, run_id: str) -> None:
        """Remove the log of a run that has ended.

        What it materialized, and the results of its checks, are kept in the events of all runs: its
        page shows no more what it logged, every other page is as it was.
        """
        self.flush()
        Path(self.path_for_shard(run_id)).unlink(missing_ok=True)

    def superseded_check_results(self, before: datetime) -> int:
        """How many results of checks, recorded before then, have a newer one of their date."""
        with self.index_connection() as conn:
            counted = sa.select(sa.func.count()).where(_superseded(before))
            return int(conn.scalar(counted.select_from(AssetCheckExecutionsTable)) or 0)

    def remove_superseded_check_results(self, before: datetime) -> None:
        """Remove them, with the events that recorded them and those that only announced one.

        Materializations stay: what was made from one names it.
        """
        results, events = AssetCheckExecutionsTable.c, SqlEventLogStorageTable.c
        with self.index_connection() as conn:
            conn.execute(AssetCheckExecutionsTable.delete().where(_superseded(before)))
            kept = sa.select(results.evaluation_event_storage_id).where(
                results.evaluation_event_storage_id.is_not(None)
            )
            conn.execute(
                SqlEventLogStorageTable.delete().where(
                    events.dagster_event_type.in_([kind.value for kind in _CHECK_EVENTS]),
                    events.timestamp < before.replace(tzinfo=None),
                    events.id.not_in(kept),
                )
            )
        # SQLite uses the room again, but gives none of it back by itself, nor in a transaction.
        index = sqlite3.connect(
            self.path_for_shard(INDEX_SHARD),
            timeout=SQLITE_BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
        )
        with closing(index):
            index.execute("VACUUM")

    def wipe(self) -> None:
        """Delete everything, also what waits: flushed later, it would bring files back."""
        self.flush()
        super().wipe()

    def dispose(self) -> None:
        """Write what waits and release the base class's resources."""
        self.flush()
        super().dispose()

    def _is_tested_ground(self) -> bool:
        current, head = self.alembic_version()
        if dg.__version__ in TESTED_DAGSTER_VERSIONS and current == head:
            return True
        warnings.warn(
            f"{type(self).__name__} writes as slowly as the stock storage: it is tested with "
            f"Dagster {', '.join(sorted(TESTED_DAGSTER_VERSIONS))} at schema {head}, here are "
            f"{dg.__version__} and {current} (`dagster instance migrate` brings the schema up).",
            stacklevel=2,
        )
        return False

    def _start_timer(self) -> None:
        self._timer = threading.Timer(self.max_age_seconds, self.flush)
        self._timer.daemon = True
        self._timer.start()

    def _write_run_rows(self) -> None:
        for run_id in list(self._run_rows):
            with super().run_connection(run_id) as conn:
                conn.execute(SqlEventLogStorageTable.insert(), self._run_rows[run_id])
            del self._run_rows[run_id]

    def _write_index_events(self) -> None:
        with super().index_connection() as conn:
            # Ids are assigned here, because everything that refers to an event needs its id. The
            # write lock comes first: no other process can take the same ids.
            conn.exec_driver_sql("BEGIN IMMEDIATE")
            last_id = conn.scalar(sa.select(sa.func.max(SqlEventLogStorageTable.c.id))) or 0
            ids = range(last_id + 1, last_id + 1 + len(self._index_events))
            conn.execute(
                SqlEventLogStorageTable.insert(),
                [
                    {"id": event_id, **event.row}
                    for event_id, event in zip(ids, self._index_events, strict=True)
                ],
            )
            self._write_assets(conn, ids)
            self._write_checks(conn, ids)
        self._index_events.clear()

    def _write_assets(self, conn: Connection, ids: range) -> None:
        stored = [
            (event_id, event.entry)
            for event_id, event in zip(ids, self._index_events, strict=True)
            if event.entry.dagster_event_type not in _CHECK_EVENTS
        ]
        self._store_asset_event_tags(conn, [entry for _, entry in stored], [i for i, _ in stored])
        # An asset's row keeps, of each type of event, the last one only.
        last = {
            (entry.get_dagster_event().asset_key, entry.dagster_event_type): event_id
            for event_id, entry in stored
        }
        kept = set(last.values())
        for event_id, entry in stored:
            if event_id in kept:
                self._store_asset_event(conn, entry, event_id)

    def _write_checks(self, conn: Connection, ids: range) -> None:
        """Planned rows first: an evaluation takes the place of its own."""
        planned: list[dict[str, Any]] = []
        evaluated: list[dict[str, Any]] = []
        for event_id, (entry, row) in zip(ids, self._index_events, strict=True):
            of_event = {
                "run_id": entry.run_id,
                "evaluation_event": row["event"],
                "evaluation_event_timestamp": row["timestamp"],
                "evaluation_event_storage_id": event_id,
            }
            event = entry.get_dagster_event()
            if entry.dagster_event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                plan = event.asset_check_planned_data
                # The base class compiles one statement with a row a partition, and serialises the
                # event, which names all of them, for each.
                planned += (
                    {
                        **of_event,
                        "asset_key": plan.asset_key.to_string(),
                        "check_name": plan.check_name,
                        "partition": partition,
                        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                    }
                    for partition in _planned_partitions(plan)
                )
            elif entry.dagster_event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                evaluation = event.asset_check_evaluation_data
                target = evaluation.target_materialization_data
                status = (
                    AssetCheckExecutionRecordStatus.SUCCEEDED
                    if evaluation.passed
                    else AssetCheckExecutionRecordStatus.FAILED
                )
                evaluated.append(
                    {
                        **of_event,
                        "asset_key": evaluation.asset_key.to_string(),
                        "check_name": evaluation.check_name,
                        "partition": evaluation.partition,
                        "execution_status": status.value,
                        "materialization_event_storage_id": target.storage_id if target else None,
                    }
                )
        if planned:
            conn.execute(AssetCheckExecutionsTable.insert(), planned)
        if evaluated:
            conn.execute(_UPSERT_EVALUATION, evaluated)


_CHECK_EVENTS = (
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
)


def _superseded(before: datetime) -> sa.ColumnElement[bool]:
    results = AssetCheckExecutionsTable.c
    newest = sa.select(sa.func.max(results.id)).group_by(
        results.asset_key, results.check_name, results.partition
    )
    # Dagster stores moments without their zone, which is UTC.
    recorded_before = results.create_timestamp < before.replace(tzinfo=None)
    return sa.and_(recorded_before, results.id.not_in(newest))


def _comes_per_partition(entry: EventLogEntry) -> bool:
    # Runless events are reported by something outside of Dagster that was told "stored".
    if entry.dagster_event is None or not entry.run_id:
        return False
    match entry.dagster_event.event_type:
        case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            return entry.dagster_event.asset_check_evaluation_data.partition is not None
        case dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            return bool(_planned_partitions(entry.dagster_event.asset_check_planned_data))
        case (
            dg.DagsterEventType.ASSET_MATERIALIZATION
            | dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        ):
            return entry.dagster_event.partition is not None
    return False


def _planned_partitions(planned: AssetCheckEvaluationPlanned) -> Collection[str]:
    subset = planned.partitions_subset
    return list(subset.get_partition_keys()) if subset else ()


def _upsert_evaluation() -> sqlite.Insert:
    """Put an evaluation in the place of its planned row, or of the one of an earlier attempt.

    The base class updates, and inserts where nothing was updated, because the unique index does
    not tell rows without a partition apart. Those in bulk have one.
    """
    insert = sqlite.insert(AssetCheckExecutionsTable)
    return insert.on_conflict_do_update(
        index_elements=["asset_key", "check_name", "run_id", "partition"],
        set_={
            column: insert.excluded[column]
            for column in (
                "execution_status",
                "evaluation_event",
                "evaluation_event_timestamp",
                "evaluation_event_storage_id",
                "materialization_event_storage_id",
            )
        },
    )


_UPSERT_EVALUATION = _upsert_evaluation()
_storages: weakref.WeakSet[BulkSqliteEventLogStorage] = weakref.WeakSet()


def _flush_all() -> None:
    with ExitStack() as flushes:  # one that fails keeps no other from being flushed
        for storage in list(_storages):
            flushes.callback(storage.flush)


def _forget_inherited() -> None:
    for storage in list(_storages):
        storage.forget_waiting()


atexit.register(_flush_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited)
