"""The embedded warehouse: who may be in at the same time, what a transaction leaves behind."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from nba_assets.assets.graph import dated_tables
from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.certification.schema import prepare
from nba_assets.contracts.contract import Column
from nba_assets.engines.duckdb_file import DuckDBFile
from nba_assets.engines.engine import Create, Load, Query
from nba_assets.errors import WarehouseBusy, WarehouseError

CONTRACTS = tuple(table.contract for table in dated_tables(Path("models")).values())

HOLD = """
import sys
from pathlib import Path
from nba_assets.engines.duckdb_file import DuckDBFile
warehouse = DuckDBFile(Path(sys.argv[1]), lock_timeout=30.0)
with getattr(warehouse, sys.argv[2])():
    print("in", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def _held(file: Path, how: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is in until its input is closed."""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", HOLD, str(file), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "in\n"
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A prepared warehouse file."""
    path = tmp_path / "new folder" / "warehouse.duckdb"
    prepare(DuckDBFile(path), CONTRACTS)
    return path


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor


def test_readers_share(file: Path) -> None:
    with _held(file, "reading"), DuckDBFile(file, lock_timeout=0.0).reading() as engine:
        assert engine.query("SELECT COUNT(*) AS n FROM schedule").to_pylist() == [{"n": 0}]


@pytest.mark.parametrize("how", ["reading", "writing"])
def test_a_writer_excludes_everyone(file: Path, how: str) -> None:
    with (
        _held(file, "writing"),
        pytest.raises(WarehouseBusy),
        getattr(DuckDBFile(file, lock_timeout=0.0), how)(),
    ):
        pytest.fail("two were in")


def test_a_reader_excludes_a_writer(file: Path) -> None:
    with (
        _held(file, "reading"),
        pytest.raises(WarehouseBusy),
        DuckDBFile(file, lock_timeout=0.0).writing(),
    ):
        pytest.fail("two were in")


def test_the_time_out_names_the_writer_and_what_to_do(file: Path) -> None:
    with (
        _held(file, "writing") as process,
        pytest.raises(WarehouseBusy, match=rf"process {process.pid}\b") as error,
        DuckDBFile(file, lock_timeout=0.0).reading(),
    ):
        pytest.fail("two were in")
    assert str(file) in str(error.value)
    assert "NBA_ASSETS_LOCK_TIMEOUT" in str(error.value)


def test_a_killed_writer_leaves_no_lock_behind(file: Path) -> None:
    with _held(file, "writing") as process:
        process.kill()
        process.wait()

        with DuckDBFile(file, lock_timeout=0.0).writing() as engine:
            assert engine.columns()


def _enter(warehouse: DuckDBFile, how: str, note: Callable[[], None]) -> None:
    with getattr(warehouse, how)():
        note()


def test_a_waiting_writer_comes_before_readers_that_come_later(
    file: Path, pool: ThreadPoolExecutor
) -> None:
    """Readers that keep coming would otherwise never let a writer in."""
    order: list[str] = []
    turnstile = Path(f"{file}.turnstile")
    with _held(file, "reading"):
        writer: Future[None] = pool.submit(
            _enter, DuckDBFile(file), "writing", lambda: order.append("writer")
        )
        _wait_until_locked(turnstile)
        readers = [
            pool.submit(_enter, DuckDBFile(file), "reading", lambda: order.append("reader"))
            for _ in range(2)
        ]
        with pytest.raises(WarehouseBusy), DuckDBFile(file, lock_timeout=0.0).reading():
            pytest.fail("a reader overtook the writer")
    for future in (writer, *readers):
        future.result(timeout=30)

    assert order == ["writer", "reader", "reader"]


def _wait_until_locked(file: Path) -> None:
    """Return once another holds the lock of a file."""
    import fcntl

    pause = threading.Event()
    while True:
        with file.open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        pause.wait(0.001)


def test_a_transaction_is_all_or_nothing(file: Path) -> None:
    insert = "INSERT INTO ledger.sources VALUES (1, '{}', 'r', '2026-01-03 00:00:00')"
    with DuckDBFile(file).writing() as engine:
        engine.transaction([insert.format("first")])
        with pytest.raises(WarehouseError, match="too bad"):
            engine.transaction([insert.format("second"), "SELECT IF(FALSE, 1, ERROR('too bad'))"])
        engine.transaction([insert.format("third")])
    with DuckDBFile(file).reading() as engine:
        rows = engine.query("SELECT identity FROM ledger.sources ORDER BY identity").to_pylist()

    assert rows == [{"identity": "first"}, {"identity": "third"}]


def test_a_reader_cannot_write(file: Path) -> None:
    with DuckDBFile(file).reading() as engine, pytest.raises(WarehouseError, match="read-only"):
        engine.transaction(["DELETE FROM store.schedule WHERE TRUE"])


def test_an_error_shows_the_statement(file: Path) -> None:
    with DuckDBFile(file).reading() as engine, pytest.raises(WarehouseError, match="FROM nothing"):
        engine.query("SELECT x FROM nothing")


def test_a_temporary_table_replaces_one_of_its_name_and_ends_with_the_session(file: Path) -> None:
    with DuckDBFile(file).reading() as engine:
        more, other = engine.run(
            [
                Load("numbers", pa.table({"x": [1]})),
                Load("numbers", pa.table({"x": [2, 3]})),
                Query("SELECT SUM(x) AS x FROM numbers"),
                Create("numbers", "SELECT SUM(x) AS x FROM earlier", {"earlier": "SELECT 7 AS x"}),
                Query("SELECT x FROM numbers"),
            ]
        )
        assert (more.to_pylist(), other.to_pylist()) == ([{"x": 5}], [{"x": 7}])
        assert engine.query("SELECT x FROM numbers").to_pylist() == [{"x": 7}]
    with DuckDBFile(file).reading() as engine, pytest.raises(WarehouseError, match="numbers"):
        engine.query("SELECT x FROM numbers")


def test_preparing_again_changes_nothing(file: Path) -> None:
    content = file.read_bytes()

    prepare(DuckDBFile(file), CONTRACTS)

    assert file.read_bytes() == content


def test_a_table_that_is_new_is_added_to_what_is_there(file: Path) -> None:
    new = replace(SCHEDULE, table="second_schedule")

    prepare(DuckDBFile(file), (*CONTRACTS, new))

    with DuckDBFile(file).reading() as engine:
        assert ("store", "second_schedule") in engine.columns()
        assert engine.query("SELECT * FROM second_schedule").num_rows == 0


@pytest.mark.parametrize("change", ["added", "removed", "renamed"])
def test_a_stored_table_with_other_columns_than_its_contract_is_refused(
    file: Path, change: str
) -> None:
    columns = TEAM_BOX_SCORES.columns
    new = Column("charges", "INT64", "Charges drawn", nullable=True)
    altered = {
        "added": (*columns, new),
        "removed": tuple(c for c in columns if c.name != "tov_with_team"),
        "renamed": tuple(replace(c, name="charges") if c.name == "blk" else c for c in columns),
    }[change]

    with pytest.raises(WarehouseError, match=r"store\.team_box_scores.*(charges|tov_with_team)"):
        prepare(DuckDBFile(file), (replace(TEAM_BOX_SCORES, columns=altered),))


def test_processes_that_prepare_at_once_agree(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    file = tmp_path / "warehouse.duckdb"
    list(pool.map(lambda _: prepare(DuckDBFile(file), CONTRACTS), range(4)))

    with DuckDBFile(file).reading() as engine:
        assert {name for schema, name in engine.columns() if schema == "store"} == {
            contract.table for contract in CONTRACTS
        }
