"""Exports of a warehouse as of a publication, and the warehouse an export can be made into again.

An export is a folder of Parquet files: ``tables`` has what readers saw, ``held`` the rows stored
out of their sight, ``ledger`` what says so, ``models`` the model files, and ``export.json`` what it
is. Rows carry the publication that stored them.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.certification import ledger
from nba_assets.certification.certified import stored
from nba_assets.certification.digest import EMPTY_DIGEST, digest_query
from nba_assets.certification.ledger import COLUMNS, Status
from nba_assets.certification.migrations import VERSION
from nba_assets.certification.vacuum import refuse_beyond
from nba_assets.contracts.contract import Contract
from nba_assets.engines.engine import Engine, Load
from nba_assets.engines.googlesql import quoted
from nba_assets.errors import WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "export.json"
ALWAYS = (date.min, date.max)


@dataclass(frozen=True)
class Export:
    """What an export says it is."""

    schema_version: int
    publication: int
    exported_at: str
    rows: Mapping[str, int]
    """by table, the rows readers saw"""

    @classmethod
    def of(cls, folder: Path) -> "Export":
        """Read it.

        Raises:
            WarehouseError: the folder is no finished export, or one of another schema.
        """
        try:
            found = cls(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise WarehouseError(
                f"{folder} is no finished export: {MANIFEST} cannot be read ({error})"
            ) from error
        if found.schema_version != VERSION:
            raise WarehouseError(
                f"{folder} was exported with schema version {found.schema_version}, this "
                f"nba_assets needs {VERSION}: import it with the release that made it, and migrate"
            )
        return found


def export(
    engine: Engine,
    contracts: Sequence[Contract],
    folder: Path,
    models_dir: Path,
    as_of: int | None = None,
) -> Export:
    """Write what the warehouse is, or was as of a publication, to an empty or new folder.

    Raises:
        WarehouseError: the folder has something in it, cannot be written, or the publication cannot
            be read any more.
    """
    import pyarrow.parquet as pq

    publication = ledger.publication(engine) if as_of is None else as_of
    refuse_beyond(engine, publication)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise WarehouseError(f"{folder} is not empty; name a new folder for the export")
        for name in ("tables", "held", "told", "ledger"):
            (folder / name).mkdir()
        counts = {}
        for contract in contracts:
            visible, held = (
                engine.query(_rows_as_of(contract, publication, certified=certified))
                for certified in (True, False)
            )
            pq.write_table(visible, folder / "tables" / f"{contract.table}.parquet")
            if held.num_rows:
                pq.write_table(held, folder / "held" / f"{contract.table}.parquet")
            if contract.kept_as_told:
                told = engine.query(_told_as_of(contract, publication))
                pq.write_table(told, folder / "told" / f"{contract.table}.parquet")
            counts[contract.table] = visible.num_rows
        for name, query in _ledger_as_of(contracts, publication):
            pq.write_table(engine.query(query), folder / "ledger" / f"{name}.parquet")
        if models_dir.exists():
            shutil.copytree(models_dir, folder / "models")
        made = Export(VERSION, publication, datetime.now(UTC).isoformat(), counts)
        # Last: an export without it was interrupted.
        (folder / MANIFEST).write_text(json.dumps(vars(made), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise WarehouseError(f"the export to {folder} failed: {error}") from error
    return made


def bring_in(
    engine: Engine, contracts: Sequence[Contract], folder: Path, models_dir: Path
) -> Export:
    """Make an empty, prepared warehouse what an export says, all or nothing.

    Raises:
        WarehouseError: the export is not whole, is not of this schema, or does not hold the rows
            its ledger vouches for; or the warehouse has something in it. Nothing has changed.
    """
    made = Export.of(folder)
    if ledger.publication(engine) or ledger.last_recorded(engine):
        raise WarehouseError(
            "the warehouse is not empty: an export is imported into an empty one only; point "
            "NBA_ASSETS_DATA_DIR at a new folder"
        )
    if (folder / "models").exists():
        # Before the rows that name them; a file is named by what it was trained on.
        shutil.copytree(folder / "models", models_dir, dirs_exist_ok=True)
    statements, loads = [], []
    for name in _EXPORTED:
        file = folder / "ledger" / f"{name}.parquet"
        if name in LATER and not file.exists():
            continue
        loads.append(Load(f"imported_{name}", _parquet(file)))
        columns = ", ".join(COLUMNS[name])
        statements.append(
            f"INSERT INTO ledger.{name} ({columns}) SELECT {columns} FROM imported_{name}"
        )
    for contract in contracts:
        stored_columns = ", ".join((*contract.column_names, "publication"))
        for kind, schema, columns in (
            ("tables", "store", stored_columns),
            ("held", "store", stored_columns),
            ("told", "told", f"{stored_columns}, told_at"),
        ):
            file = folder / kind / f"{contract.table}.parquet"
            if kind != "tables" and not file.exists():
                continue
            loads.append(Load(f"{kind}_{contract.table}", _parquet(file)))
            statements.append(
                f"INSERT INTO {schema}.{contract.table} ({columns}) "
                f"SELECT {columns} FROM {kind}_{contract.table}"
            )
        statements.append(_vouched_for(contract))
    engine.transaction(
        [
            f"UPDATE ledger.clock SET publication = {made.publication} WHERE TRUE",
            *statements,
            (
                "INSERT INTO ledger.vacuums (publication, horizon, vacuumed_at) VALUES "
                f"({made.publication}, {made.publication}, "
                f"TIMESTAMP '{datetime.now(UTC).isoformat()}')"
            ),
        ],
        loads,
    )
    return made


LATER = ("evaluations", "trials")
"""what an export of an older release does not have"""
_EXPORTED = (
    "attempts",
    "verdicts",
    "quarantine",
    "rulings",
    "sources",
    "restorations",
    *LATER,
)


def _parquet(file: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise WarehouseError(f"{file} of the export cannot be read: {error}") from error


def _rows_as_of(contract: Contract, publication: int, *, certified: bool) -> str:
    """The rows readers saw as of a publication, or those stored out of their sight."""
    statuses = ", ".join(quoted(status) for status in Status if status.certified)
    names = ", ".join(f"t.{name}" for name in (*contract.column_names, "publication"))
    columns = "game_date, stored_publication, stored_status"
    latest = ledger.latest_records((contract.table,), *ALWAYS, columns, publication)
    return (
        f"SELECT {names} FROM store.{contract.table} AS t JOIN ({latest}) AS r "
        "ON r.game_date = t.game_date AND r.stored_publication = t.publication "
        f"WHERE r.stored_status {'' if certified else 'NOT '}IN ({statuses}) "
        f"ORDER BY {', '.join(f't.{name}' for name in contract.grain)}"
    )


def _told_as_of(contract: Contract, publication: int) -> str:
    """What was told before tip-off, up to a publication."""
    names = ", ".join(f"t.{name}" for name in (*contract.column_names, "publication", "told_at"))
    order = ", ".join(f"t.{name}" for name in ("publication", *contract.grain))
    return (
        f"SELECT {names} FROM told.{contract.table} AS t WHERE t.publication <= {publication} "
        f"ORDER BY {order}"
    )


def _ledger_as_of(contracts: Sequence[Contract], publication: int) -> Iterator[tuple[str, str]]:
    """Every record there was, and the verdicts in force."""
    tables = [contract.table for contract in contracts]
    for name in _EXPORTED:
        columns = ", ".join(f"e.{column}" for column in COLUMNS[name])
        in_force = ""
        if name == "verdicts":
            manifest = "table_name, game_date, verdicts_publication"
            latest = ledger.latest_records(tables, *ALWAYS, manifest, publication)
            in_force = (
                f"JOIN ({latest}) AS r ON r.table_name = e.table_name "
                "AND r.game_date = e.game_date AND r.verdicts_publication = e.publication "
            )
        until = f"WHERE e.publication <= {publication}"
        yield name, f"SELECT {columns} FROM ledger.{name} AS e {in_force}{until}"


def _vouched_for(contract: Contract) -> str:
    """A statement that fails unless the stored rows are those the ledger vouches for."""
    columns = "game_date, stored_rows, digest"
    latest = ledger.latest_records((contract.table,), *ALWAYS, columns)
    rows = f"({stored(contract, *ALWAYS)}) AS stored_rows"
    return (
        f"SELECT IF((SELECT COUNT(*) FROM ({latest}) AS l "
        f"LEFT JOIN ({digest_query(contract, rows)}) AS s ON s.game_date = l.game_date "
        "WHERE COALESCE(s.found, 0) <> l.stored_rows OR COALESCE(s.digest, "
        f"'{EMPTY_DIGEST}') <> COALESCE(l.digest, '{EMPTY_DIGEST}')) = 0, 1, "
        f"ERROR('{contract.table}: the export does not hold the rows its ledger vouches for; "
        "nothing was imported'))"
    )
