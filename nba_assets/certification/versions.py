"""The versions of a date: which there were, whether their rows are left, how two of them differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from nba_assets.certification import ledger
from nba_assets.certification.ledger import Attempt
from nba_assets.contracts.contract import Contract
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.engines.engine import Engine
from nba_assets.errors import CannotRestore, WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """What came, went and changed from one version of a date to another."""

    old: Attempt | None
    """the record that stored the earlier version; None where there was none"""
    new: Attempt
    came: Sequence[Row]
    """rows of the later version alone"""
    went: Sequence[Row]
    """rows of the earlier version alone"""
    changed: Sequence[tuple[Row, Mapping[str, tuple[Any, Any]]]]
    """the grain of a row, and of each column that differs the value before and after"""
    grain: Sequence[str]
    """the columns that name a row"""


def versions(history: Sequence[Attempt]) -> list[Attempt]:
    """The records of a date's history that stored rows other than those before, oldest first."""
    return [one for one in history if one.stored_publication == one.publication]


def version_at(history: Sequence[Attempt], publication: int) -> Attempt | None:
    """The record that stored what was the date's version as of a publication; None before any."""
    in_force = [one for one in history if one.publication <= publication]
    stored = in_force[-1].stored_publication if in_force else None
    return next((one for one in history if one.publication == stored), None)


def version_rows(engine: Engine, contract: Contract, version: Attempt) -> "pa.Table":
    """The rows a record stored.

    Raises:
        WarehouseError: they are not all there any more.
    """
    rows = engine.query(_of_version(contract, version))
    if rows.num_rows != version.stored_rows:
        raise WarehouseError(
            f"{version.table_name} {version.game_date}: {rows.num_rows} of the "
            f"{version.stored_rows} rows of publication {version.publication} are left; they were "
            "removed by `nba-assets vacuum` or behind the ledger"
        )
    return rows


def restorable(engine: Engine, table: DatedTable, day: date, publication: int) -> Attempt:
    """The record that stored the version a date had as of a publication, if that may come back.

    Raises:
        CannotRestore: there was none, it is the current one, it never passed, or it was computed
            by other code than there is now.
    """
    history = ledger.history(engine, table.name, day)
    known = ", ".join(str(one.publication) for one in versions(history)) or "none"
    told = f"{table.name} {day}: publication {publication}"
    version = version_at(history, publication)
    if version is None:
        raise CannotRestore(f"{told} found no version of the date; it has {known}")
    if version.publication == history[-1].stored_publication:
        raise CannotRestore(f"{told} is the current version already; there are {known}")
    if not version.status.certified:
        raise CannotRestore(f"{told} was {version.status}, readers never saw it: {version.message}")
    if version.code_version != table.code_version:
        raise CannotRestore(
            f"{told} was computed by code {version.code_version}, which is {table.code_version} "
            "now; go back to that code instead"
        )
    return version


def difference(
    engine: Engine,
    contract: Contract,
    day: date,
    before: int | None = None,
    after: int | None = None,
) -> Difference:
    """How the version of a date as of publication ``after`` differs from that as of ``before``.

    Without ``after`` it is the current version, without ``before`` the one before that.

    Raises:
        WarehouseError: the date has no such version, or its rows are not there any more.
    """
    history = ledger.history(engine, contract.table, day)
    last = history[-1].publication if history else 0
    new = version_at(history, last if after is None else after)
    if new is None:
        raise WarehouseError(f"{contract.table} {day} has no version as of that publication")
    earlier = new.publication - 1 if before is None else before
    old = version_at(history, earlier)
    for version in (old, new):
        if version is not None:
            version_rows(engine, contract, version)
    names = contract.column_names
    one, other = _of_version(contract, old or new), _of_version(contract, new)
    if old is None:
        one += " AND FALSE"
    columns = ", ".join(f"o.{name} AS old_{name}, n.{name} AS new_{name}" for name in names)
    grain = " AND ".join(f"o.{name} = n.{name}" for name in contract.grain)
    differs = " OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in names)
    key = ", ".join(f"COALESCE(new_{name}, old_{name})" for name in contract.grain)
    rows = engine.query(
        f"SELECT {columns} FROM ({one}) AS o FULL JOIN ({other}) AS n ON {grain} WHERE {differs} "
        f"ORDER BY {key}"
    ).to_pylist()
    came, went, changed = [], [], []
    for row in rows:
        was = {name: row[f"old_{name}"] for name in names}
        now = {name: row[f"new_{name}"] for name in names}
        if row[f"old_{contract.grain[0]}"] is None:
            came.append(now)
        elif row[f"new_{contract.grain[0]}"] is None:
            went.append(was)
        else:
            differing = {n: (was[n], now[n]) for n in names if was[n] != now[n]}
            changed.append(({name: now[name] for name in contract.grain}, differing))
    return Difference(old, new, came, went, changed, contract.grain)


def _of_version(contract: Contract, version: Attempt) -> str:
    return (
        f"SELECT {', '.join(contract.column_names)} FROM store.{contract.table} "
        f"WHERE game_date = DATE '{version.game_date}' AND publication = {version.publication}"
    )
