"""Removes versions that have been superseded for long; what is current is never touched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nba_assets.certification import ledger
from nba_assets.contracts.contract import Contract
from nba_assets.engines.engine import Create, Engine, Query
from nba_assets.engines.googlesql import quoted
from nba_assets.errors import WarehouseError


@dataclass(frozen=True)
class Dead:
    """What a vacuum removes, or would."""

    horizon: int
    """the publication as of which, and as of every later one, all can still be read"""
    versions: Mapping[str, int]
    """by table, superseded versions of dates"""
    rows: Mapping[str, int]
    """by table, rows of those versions"""
    verdicts: int


def horizon(engine: Engine) -> int:
    """The earliest publication as of which the warehouse can be read; 0 where it all can."""
    rows = engine.query("SELECT COALESCE(MAX(horizon), 0) AS horizon FROM ledger.vacuums")
    return int(rows["horizon"][0].as_py())


def refuse_beyond(engine: Engine, as_of: int) -> None:
    """Raise unless everything can be read as of a publication.

    Raises:
        WarehouseError: it is yet to come, or a vacuum has removed what was superseded since.
    """
    first, last = horizon(engine), ledger.publication(engine)
    if not first <= as_of <= last:
        raise WarehouseError(
            f"nothing can be read as of publication {as_of}: the warehouse has {first} … {last}, "
            "what was superseded before was removed by `nba-assets vacuum` or a migration"
        )


def dead(engine: Engine, contracts: Sequence[Contract], keep: timedelta) -> Dead:
    """What has been superseded for longer than ``keep``, in temporary tables as well."""
    cutoff = (datetime.now(UTC) - keep).isoformat()
    reached = engine.query(
        "SELECT COALESCE(MAX(publication), 0) AS publication FROM ledger.attempts "
        f"WHERE recorded_at <= TIMESTAMP '{cutoff}'"
    )
    line = max(int(reached["publication"][0].as_py()), horizon(engine))
    stored = " UNION ALL ".join(
        f"SELECT {quoted(c.table)} AS table_name, game_date, publication, COUNT(*) AS found "
        f"FROM store.{c.table} GROUP BY game_date, publication"
        for c in contracts
    )
    verdicts = (
        "SELECT table_name, game_date, publication, COUNT(*) AS found FROM ledger.verdicts "
        "GROUP BY table_name, game_date, publication"
    )
    # What is in force as of the line, or was recorded after it, names what stays.
    live = (
        "SELECT table_name, game_date, stored_publication, verdicts_publication "
        "FROM ledger.attempts QUALIFY publication >= COALESCE(MAX(IF("
        f"publication <= {line}, publication, NULL)) OVER (PARTITION BY table_name, game_date), 0)"
    )
    found, said = engine.run(
        [
            Create("live_versions", live),
            Create("dead_versions", _not_live(stored, "stored_publication")),
            Create("dead_verdicts", _not_live(verdicts, "verdicts_publication")),
            Query(
                "SELECT table_name, COUNT(*) AS versions, SUM(found) AS dead_rows "
                "FROM dead_versions GROUP BY table_name ORDER BY table_name"
            ),
            Query("SELECT COALESCE(SUM(found), 0) AS found FROM dead_verdicts"),
        ]
    )
    of_tables = found.to_pylist()
    return Dead(
        line,
        {row["table_name"]: row["versions"] for row in of_tables},
        {row["table_name"]: int(row["dead_rows"]) for row in of_tables},
        int(said["found"][0].as_py()),
    )


def _not_live(rows: str, column: str) -> str:
    return (
        f"SELECT s.* FROM ({rows}) AS s LEFT JOIN (SELECT DISTINCT table_name, game_date, "
        f"{column} AS publication FROM live_versions) AS l ON l.table_name = s.table_name "
        "AND l.game_date = s.game_date AND l.publication = s.publication "
        "WHERE l.publication IS NULL"
    )


def remove(engine: Engine, found: Dead) -> None:
    """Remove what ``dead`` found in the same session, all or nothing, and record the horizon."""
    of_rows = (
        "WHERE EXISTS (SELECT 1 FROM dead_versions AS d WHERE d.table_name = {name} "
        "AND d.game_date = t.game_date AND d.publication = t.publication)"
    )
    now = datetime.now(UTC).isoformat()
    engine.transaction(
        [
            ledger.NEXT,
            *(
                f"DELETE FROM store.{table} AS t {of_rows.format(name=quoted(table))}"
                for table in found.versions
            ),
            (
                "DELETE FROM ledger.verdicts AS t WHERE EXISTS (SELECT 1 FROM dead_verdicts AS d "
                "WHERE d.table_name = t.table_name AND d.game_date = t.game_date "
                "AND d.publication = t.publication)"
            ),
            (
                "INSERT INTO ledger.vacuums (publication, horizon, vacuumed_at) "
                f"SELECT publication, {found.horizon}, TIMESTAMP '{now}' FROM ledger.clock"
            ),
        ]
    )
