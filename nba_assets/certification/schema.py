"""The tables of the warehouse, derived from the contracts.

Schema ``store`` holds the rows of every version of a date with the publication that added it;
``told`` what was published of a game before its tip-off, where that is kept; ``ledger`` says what
became of each attempt; the default schema has one view a table for readers, which shows a date only
from the version that passed its audit, and one, ``…_as_told``, for what was told before tip-off.
"""

from collections.abc import Iterable, Iterator, Sequence

from nba_assets.certification.ledger import COLUMNS, Status
from nba_assets.certification.migrations import (
    VERSION,
    record_version,
    refuse_another_version,
    steps,
    version,
)
from nba_assets.contracts.contract import Contract
from nba_assets.contracts.dated_table import SCHEDULE
from nba_assets.engines.engine import Engine, Warehouse
from nba_assets.engines.googlesql import quoted
from nba_assets.errors import WarehouseError


def _store_columns(contract: Contract) -> dict[str, str]:
    own = {c.name: c.type if c.nullable else f"{c.type} NOT NULL" for c in contract.columns}
    return {**own, "publication": "INT64 NOT NULL"}


def _wanted(contracts: Iterable[Contract]) -> dict[tuple[str, str], dict[str, str]]:
    contracts = tuple(contracts)
    wanted = {("ledger", name): dict(columns) for name, columns in COLUMNS.items()}
    wanted |= {("store", c.table): _store_columns(c) for c in contracts}
    told = {"told_at": "TIMESTAMP NOT NULL"}
    return wanted | {
        ("told", c.table): _store_columns(c) | told for c in contracts if c.kept_as_told
    }


def prepare(warehouse: Warehouse, contracts: Iterable[Contract]) -> None:
    """Create the tables and reader views of the contracts that do not exist yet.

    Raises:
        WarehouseError: a stored table has other columns than its contract.
    """
    contracts = tuple(contracts)
    if warehouse.exists():
        with warehouse.reading() as engine:
            if is_current(engine, contracts):
                return
    with warehouse.writing() as engine:
        engine.transaction(list(statements(engine, contracts)))


def migrate(warehouse: Warehouse, contracts: Iterable[Contract]) -> int | None:
    """Bring a warehouse to this version in one transaction; returns the version it had.

    Raises:
        WarehouseError: it is newer than the code, or a step failed; nothing has changed.
    """
    with warehouse.writing() as engine:
        stored = engine.columns()
        found = version(engine, stored)
        if found is not None and found < VERSION:
            engine.transaction([*steps(found, stored), *_missing(tuple(contracts))])
        else:
            refuse_another_version(found)
    return found


def is_current(engine: Engine, contracts: Iterable[Contract]) -> bool:
    """Whether every table exists with the columns and types of its contract, in any order.

    Raises:
        WarehouseError: one exists with others, or the schema is of another version.
    """
    stored = engine.columns()
    refuse_another_version(version(engine, stored))
    wanted = _wanted(contracts)
    for (schema, name), want in wanted.items():
        have = stored.get((schema, name))
        if have is not None and have != want:
            differing = ", ".join(
                f"{column} (stored: {have.get(column, 'absent')}, "
                f"now: {want.get(column, 'absent')})"
                for column in sorted({*have, *want})
                if have.get(column) != want.get(column)
            )
            raise WarehouseError(
                f"the stored table {schema}.{name} and its contract differ in {differing}; migrate "
                "the stored table or point NBA_ASSETS_DATA_DIR at an empty folder and backfill "
                "again"
            )
    return set(wanted) <= set(stored)


def statements(engine: Engine, contracts: Iterable[Contract]) -> Iterator[str]:
    """The statements that create what is missing; idempotent.

    Raises:
        WarehouseError: a stored table has other columns than its contract.
    """
    contracts = tuple(contracts)
    is_current(engine, contracts)
    is_new = version(engine, engine.columns()) is None
    yield from _missing(contracts)
    if is_new:
        yield record_version()


def _missing(contracts: Sequence[Contract]) -> Iterator[str]:
    """The statements that create the tables that do not exist yet, and what readers see of all."""
    yield "CREATE SCHEMA IF NOT EXISTS store"
    yield "CREATE SCHEMA IF NOT EXISTS told"
    yield "CREATE SCHEMA IF NOT EXISTS ledger"
    for (schema, name), columns in _wanted(contracts).items():
        body = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        yield f"CREATE TABLE IF NOT EXISTS {schema}.{name} ({body})"
    yield (
        "INSERT INTO ledger.clock (publication) SELECT 0 FROM "
        "(SELECT COUNT(*) AS found FROM ledger.clock) AS clocks WHERE clocks.found = 0"
    )
    yield from _views(contracts)


def _views(contracts: Iterable[Contract]) -> Iterator[str]:
    """The statements that create what readers see of each table."""
    certified = ", ".join(quoted(status) for status in Status if status.certified)
    for contract in contracts:
        names = ", ".join(f"t.{name}" for name in contract.column_names)
        yield (
            f"CREATE OR REPLACE VIEW {contract.table} AS SELECT {names} "
            f"FROM store.{contract.table} AS t JOIN (SELECT game_date, stored_publication, "
            f"stored_status FROM ledger.attempts WHERE table_name = {quoted(contract.table)} "
            "QUALIFY ROW_NUMBER() OVER (PARTITION BY game_date ORDER BY publication DESC) = 1"
            ") AS r ON r.game_date = t.game_date AND r.stored_publication = t.publication "
            f"WHERE r.stored_status IN ({certified})"
        )
        if contract.kept_as_told:
            # A game that was moved to an earlier hour may have begun when something was told of it.
            yield (
                f"CREATE OR REPLACE VIEW {contract.table}_as_told AS SELECT {names}, t.told_at "
                f"FROM told.{contract.table} AS t LEFT JOIN {SCHEDULE} AS s "
                "ON s.game_date = t.game_date AND s.game_id = t.game_id "
                "WHERE t.told_at < COALESCE(s.tipoff_at, TIMESTAMP '9999-01-01 00:00:00+00') "
                "QUALIFY t.publication = MAX(t.publication) OVER "
                "(PARTITION BY t.game_date, t.game_id)"
            )
