"""The versions of the warehouse's schema, and the way from each to the next.

A warehouse says which version it has. Code of another version does not touch it: an older
warehouse is migrated by an explicit command, whole or not at all; a newer one needs newer code.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from nba_assets.certification.ledger import COLUMNS
from nba_assets.engines.engine import Engine
from nba_assets.errors import WarehouseError

VERSION = 2
"""What this code reads and writes."""

Columns = Mapping[tuple[str, str], Mapping[str, str]]


def version(engine: Engine, stored: Columns) -> int | None:
    """The version of a warehouse with these tables; None where nothing was ever recorded."""
    if ("ledger", "schema_versions") in stored:
        rows = engine.query("SELECT MAX(version) AS version FROM ledger.schema_versions")
        return int(rows["version"][0].as_py())
    return 1 if ("ledger", "attempts") in stored else None


def refuse_another_version(found: int | None) -> None:
    """Raise unless a warehouse of this version, or an empty one, can be used as it is.

    Raises:
        WarehouseError: it is older or newer than the code.
    """
    if found is not None and found < VERSION:
        raise WarehouseError(
            f"the warehouse has schema version {found}, this nba_assets needs {VERSION}: stop "
            "everything that uses it, copy the file as a backup and run `nba-assets migrate`"
        )
    if found is not None and found > VERSION:
        raise WarehouseError(
            f"the warehouse has schema version {found}, this nba_assets knows {VERSION} only: it "
            "was migrated by a newer release. Install that one; nothing was changed"
        )


def record_version() -> str:
    """The statement by which a warehouse says that it has this version from now on."""
    return (
        "INSERT INTO ledger.schema_versions (version, since) VALUES "
        f"({VERSION}, TIMESTAMP '{datetime.now(UTC).isoformat()}')"
    )


def steps(found: int, stored: Columns) -> Iterator[str]:
    """The statements that bring a warehouse of an older version to this one."""
    if found == 1:
        yield from _from_1_to_2(stored)
    yield record_version()


def _from_1_to_2(stored: Columns) -> Iterator[str]:
    """Rows and verdicts name the publication that added them; records name those in force.

    Version 1 kept the last version of a date only, so nothing can be read as of an earlier
    publication: the horizon of the vacuum says so.
    """
    for name in ("verdicts", "restorations", "vacuums", "schema_versions"):
        yield f"CREATE TABLE ledger.{name} ({_body(COLUMNS[name])})"
    yield f"CREATE TABLE ledger.migrated_attempts ({_body(COLUMNS['attempts'])})"
    old = {
        "stored_publication": "s.publication",
        # A failed attempt left the verdicts of the one before in force.
        "verdicts_publication": (
            "MAX(IF(a.status = 'FAILED' AND a.stored_attempt IS NOT NULL, NULL, a.publication)) "
            "OVER (PARTITION BY a.table_name, a.game_date ORDER BY a.attempt)"
        ),
    }
    columns = COLUMNS["attempts"]
    yield (
        f"INSERT INTO ledger.migrated_attempts ({', '.join(columns)}) "
        f"SELECT {', '.join(old.get(name, f'a.{name}') for name in columns)} "
        "FROM ledger.attempts AS a LEFT JOIN ledger.attempts AS s ON s.table_name = a.table_name "
        "AND s.game_date = a.game_date AND s.attempt = a.stored_attempt"
    )
    yield _complete("ledger.migrated_attempts", "ledger.attempts")
    verdict = [name for name in COLUMNS["verdicts"] if name != "publication"]
    yield (
        f"INSERT INTO ledger.verdicts ({', '.join(verdict)}, publication) "
        f"SELECT {', '.join(f'g.{name}' for name in verdict)}, l.verdicts_publication "
        "FROM ledger.games AS g JOIN (SELECT table_name, game_date, verdicts_publication "
        "FROM ledger.migrated_attempts QUALIFY ROW_NUMBER() OVER "
        "(PARTITION BY table_name, game_date ORDER BY publication DESC) = 1) AS l "
        "ON l.table_name = g.table_name AND l.game_date = g.game_date"
    )
    yield _complete("ledger.verdicts", "ledger.games")
    yield from _numbered("ledger", "quarantine", stored["ledger", "quarantine"], "q.table_name")
    for schema, table in stored:
        if schema == "store":
            yield from _numbered(schema, table, stored[schema, table], f"'{table}'")
    yield "DROP TABLE ledger.games"
    yield "DROP TABLE ledger.attempts"
    yield "ALTER TABLE ledger.migrated_attempts RENAME TO attempts"
    yield (
        "INSERT INTO ledger.vacuums (publication, horizon, vacuumed_at) SELECT publication, "
        f"publication, TIMESTAMP '{datetime.now(UTC).isoformat()}' FROM ledger.clock"
    )


def _numbered(
    schema: str, table: str, columns: Mapping[str, str], table_name: str
) -> Iterator[str]:
    """The table with the publication of its rows in place of their attempt."""
    names = [name for name in columns if name != "attempt"]
    body = {name: columns[name] for name in names} | {"publication": "INT64 NOT NULL"}
    yield f"CREATE TABLE {schema}.migrated ({_body(body)})"
    yield (
        f"INSERT INTO {schema}.migrated ({', '.join(body)}) "
        f"SELECT {', '.join(f'q.{name}' for name in names)}, a.publication "
        f"FROM {schema}.{table} AS q JOIN ledger.attempts AS a ON a.table_name = {table_name} "
        "AND a.game_date = q.game_date AND a.attempt = q.attempt"
    )
    yield _complete(f"{schema}.migrated", f"{schema}.{table}")
    yield f"DROP TABLE {schema}.{table}"
    yield f"ALTER TABLE {schema}.migrated RENAME TO {table}"


def _body(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


def _complete(migrated: str, before: str) -> str:
    """A statement that fails unless every row came along, once."""
    return (
        f"SELECT IF((SELECT COUNT(*) FROM {migrated}) = (SELECT COUNT(*) FROM {before}), 1, "
        f"ERROR('not every row of {before} belongs to a record; nothing was migrated'))"
    )
