"""The embedded warehouse: one DuckDB file, shared by processes through a lock on a side file.

DuckDB lets one process at a time open a file for writing, and none read meanwhile; a second opener
gets an error. Here it waits instead: readers share the lock, a writer has it alone, connections are
short. Everyone passes a turnstile first, so that a waiting writer is not starved by readers.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.engines.engine import Create, Load, Query, Step
from nba_assets.engines.googlesql import DuckDBRenderer, render_duckdb
from nba_assets.errors import WarehouseBusy, WarehouseError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


_GOOGLESQL_TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "INT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "DATE": "DATE",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}


class DuckDBEngine:
    """A session on the file."""

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        render: Callable[[str, Mapping[str, str] | None], str] = render_duckdb,
    ) -> None:
        self._connection = connection
        self._render = render

    def run(self, steps: Sequence[Step]) -> "list[pa.Table]":
        """See ``Engine``."""
        results = []
        for step in steps:
            match step:
                case Load(name, rows):
                    self._load(name, rows)
                case Create(name, query, relations):
                    self._run(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}", relations)
                case Query(query, relations):
                    results.append(self.query(query, relations))
        return results

    def query(self, sql: str, relations: Mapping[str, str] | None = None) -> "pa.Table":
        """See ``Engine``."""
        return self._run(sql, relations).to_arrow_table()

    def transaction(self, statements: Sequence[str], loads: Sequence[Load] = ()) -> None:
        """See ``Engine``."""
        import duckdb

        self.run(loads)
        self._connection.begin()
        try:
            for statement in statements:
                self._run(statement, None)
        except BaseException:
            self._connection.rollback()
            raise
        try:
            self._connection.commit()
        except duckdb.Error as error:
            with suppress(duckdb.Error):
                self._connection.rollback()
            raise WarehouseError(f"the commit failed, nothing was changed: {error}") from error

    def columns(self) -> dict[tuple[str, str], dict[str, str]]:
        """See ``Engine``."""
        rows = self._connection.execute(
            "SELECT schema_name, table_name, column_name, data_type, is_nullable "
            "FROM duckdb_columns() WHERE schema_name IN ('store', 'ledger', 'told') "
            "ORDER BY column_index"
        )
        found: dict[tuple[str, str], dict[str, str]] = {}
        for schema, table, column, kind, nullable in rows.fetchall():
            name = _GOOGLESQL_TYPES.get(kind, kind)
            columns = found.setdefault((schema, table), {})
            columns[column] = name if nullable else f"{name} NOT NULL"
        return found

    def _load(self, name: str, rows: "pa.Table") -> None:
        self._connection.register("loaded_rows", rows)
        self._run(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM loaded_rows", None)
        self._connection.unregister("loaded_rows")

    def _run(self, sql: str, relations: Mapping[str, str] | None) -> "duckdb.DuckDBPyConnection":
        import duckdb

        try:
            return self._connection.execute(self._render(sql, relations))
        except duckdb.Error as error:
            raise WarehouseError(f"{error}\nin: {' '.join(sql.split())[:2000]}") from error


class DuckDBFile:
    """A warehouse in one DuckDB file."""

    def __init__(
        self, file: Path, *, lock_timeout: float = 900.0, memory_limit: str = "768MB"
    ) -> None:
        self._file = file
        self._lock_timeout = lock_timeout
        self._memory_limit = memory_limit
        self._render = DuckDBRenderer(file.with_name("rendered_sql.json"))

    def exists(self) -> bool:
        """See ``Warehouse``."""
        return self._file.exists()

    @contextmanager
    def writing(self) -> Iterator[DuckDBEngine]:
        """See ``Warehouse``."""
        with self._locked(fcntl.LOCK_EX), self._connected(read_only=False) as engine:
            yield engine

    @contextmanager
    def reading(self) -> Iterator[DuckDBEngine]:
        """See ``Warehouse``."""
        with self._locked(fcntl.LOCK_SH), self._connected(read_only=True) as engine:
            yield engine

    @contextmanager
    def _connected(self, *, read_only: bool) -> Iterator[DuckDBEngine]:
        import duckdb

        try:
            connection = duckdb.connect(
                str(self._file),
                read_only=read_only,
                config={
                    "memory_limit": self._memory_limit,
                    "temp_directory": f"{self._file}.tmp",
                    "preserve_insertion_order": False,
                },
            )
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(
                f"{self._file} cannot be opened: {error}. If the file is damaged, put a backup in "
                "its place, or move it away and run `nba-assets backfill`"
            ) from error
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield DuckDBEngine(connection, self._render)
            self._render.save()
        finally:
            connection.close()

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        deadline = time.monotonic() + self._lock_timeout
        with ExitStack() as files:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                turnstile = files.enter_context(Path(f"{self._file}.turnstile").open("a"))
                lock = files.enter_context(Path(f"{self._file}.lock").open("a+"))
            except OSError as error:
                raise WarehouseError(
                    f"the folder of {self._file} cannot be written ({error.strerror}); every "
                    "command takes a lock there. Make it writable or set NBA_ASSETS_DATA_DIR"
                ) from error
            self._take(turnstile.fileno(), fcntl.LOCK_EX, deadline, lock.name)
            self._take(lock.fileno(), kind, deadline, lock.name)
            fcntl.flock(turnstile, fcntl.LOCK_UN)
            if kind == fcntl.LOCK_EX:
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
            yield

    def _take(self, descriptor: int, kind: int, deadline: float, lock_file: str) -> None:
        pause = 0.005
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    holder = Path(lock_file).read_text() or "unknown"
                    raise WarehouseBusy(
                        f"{self._file} was in use by others for more than {self._lock_timeout:.0f} "
                        f"s. The last to write was process {holder}; who reads holds it as well "
                        f"(`fuser {lock_file}` lists them all). Let them finish or end them, then "
                        "run again; NBA_ASSETS_LOCK_TIMEOUT sets the limit."
                    ) from None
            else:
                return
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
