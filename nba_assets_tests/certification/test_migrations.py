"""A warehouse of the schema before this one: refused, migrated whole or not at all, and as true."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from nba_assets.certification import ledger
from nba_assets.certification.certified import miscounted, stored
from nba_assets.certification.digest import EMPTY_DIGEST, digest_query
from nba_assets.certification.ledger import Status
from nba_assets.certification.migrations import VERSION
from nba_assets.certification.schema import migrate, prepare
from nba_assets.errors import WarehouseError
from nba_assets_tests.tiny_league import OPENER, SLATES, Sandbox

OLD = Path(__file__).with_name("warehouse_of_schema_1.sql")
TABLES = (
    "schedule",
    "player_box_scores",
    "team_box_scores",
    "player_availability",
    "team_offense_game_summary",
    "player_game_summary",
)
READERS = (
    "SELECT t.* EXCLUDE (attempt) FROM store.{0} AS t JOIN ledger.attempts AS a "
    "ON a.table_name = '{0}' AND a.game_date = t.game_date AND a.attempt = t.attempt "
    "WHERE a.validation_passed ORDER BY ALL"
)
"""What readers saw in schema 1."""


@pytest.fixture
def old(tmp_path: Path) -> Sandbox:
    """A deployment whose warehouse has schema version 1."""
    deployment = Sandbox(tmp_path / "data")
    deployment.folder.mkdir()
    with duckdb.connect(str(deployment.folder / "warehouse.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(OLD.read_text(encoding="utf-8"))
    return deployment


def _rows(deployment: Sandbox, sql: str) -> list[tuple[object, ...]]:
    file = str(deployment.folder / "warehouse.duckdb")
    with duckdb.connect(file, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def _migrated(deployment: Sandbox) -> Sandbox:
    contracts = [table.contract for table in deployment.tables.values()]
    assert migrate(deployment.warehouse, contracts) == 1
    prepare(deployment.warehouse, contracts)
    return deployment


def test_an_older_warehouse_is_refused_until_it_is_migrated(old: Sandbox) -> None:
    with pytest.raises(WarehouseError, match=r"version 1.* needs 2.*nba-assets migrate"):
        old.publisher()

    _migrated(old)

    old.publisher()
    contracts = [table.contract for table in old.tables.values()]
    assert migrate(old.warehouse, contracts) == VERSION, "a second time changes nothing"


def test_a_newer_warehouse_is_refused(empty: Sandbox) -> None:
    with empty.warehouse.writing() as engine:
        engine.transaction(
            ["INSERT INTO ledger.schema_versions VALUES (99, TIMESTAMP '2030-01-01 00:00:00+00')"]
        )

    contracts = [table.contract for table in empty.tables.values()]
    for use in (empty.publisher, lambda: migrate(empty.warehouse, contracts)):
        with pytest.raises(WarehouseError, match=r"version 99.*newer release"):
            use()


def test_readers_see_the_same_rows_as_before(old: Sandbox) -> None:
    before = {name: _rows(old, READERS.format(name)) for name in TABLES}
    assert all(before.values())

    _migrated(old)

    for name in TABLES:
        assert before[name] == _rows(old, f"SELECT * FROM {name} ORDER BY ALL"), name


def test_every_record_and_verdict_comes_along(old: Sandbox) -> None:
    same = "table_name, game_date, attempt, publication, status, stored_status, digest, certificate"
    records = _rows(old, f"SELECT {same} FROM ledger.attempts ORDER BY ALL")
    verdict = "table_name, game_date, game_id, verdict, reason"
    verdicts = _rows(old, f"SELECT {verdict} FROM ledger.games ORDER BY ALL")
    rejected = _rows(old, "SELECT table_name, game_date, game_id, reason, content "
                          "FROM ledger.quarantine ORDER BY ALL")  # fmt: skip

    _migrated(old)

    assert records == _rows(old, f"SELECT {same} FROM ledger.attempts ORDER BY ALL")
    assert rejected == _rows(old, "SELECT table_name, game_date, game_id, reason, content "
                                  "FROM ledger.quarantine ORDER BY ALL")  # fmt: skip
    with old.warehouse.reading() as engine:
        now = ledger.verdicts(engine, TABLES, date.min, date.max)
        latest = ledger.latest(engine, TABLES, date.min, date.max)
        assert miscounted(engine, TABLES, date.min, date.max) == {}
        for name in TABLES:
            contract = old.tables[name].contract
            rows = f"({stored(contract, date.min, date.max)}) AS s"
            told = engine.query(digest_query(contract, rows)).to_pylist()
            found = {row["game_date"]: row["digest"] for row in told}
            for (table, day), attempt in latest.items():
                if table == name:
                    assert found.get(day, EMPTY_DIGEST) == (attempt.digest or EMPTY_DIGEST)
    assert verdicts == sorted(
        (g.table_name, g.game_date, g.game_id, g.verdict.value, g.reason) for g in now
    )


def test_a_version_that_was_kept_is_still_the_dates(old: Sandbox) -> None:
    _migrated(old)

    kept = old.attempt("player_box_scores", OPENER)
    assert (kept.status, kept.stored_status) == (Status.HELD, Status.COMPLETE)
    assert old.stored_attempt(kept) == 1
    waived = old.attempt("team_box_scores", SLATES[2])
    assert (waived.status, old.stored_attempt(waived)) == (Status.WAIVED, waived.attempt)


def test_what_is_built_next_is_built_on_it(old: Sandbox) -> None:
    """The league is the one the old warehouse was first filled from."""
    _migrated(old)

    attempts = old.build_all(OPENER, OPENER, tables=TABLES)

    assert {a.status for built in attempts.values() for a in built} == {Status.COMPLETE}
    assert old.attempt("player_box_scores", OPENER).attempt == 3
    with pytest.raises(WarehouseError, match="or a migration"):
        old.publisher().reproduce("player_game_summary", SLATES[1])


def test_a_migration_that_fails_changes_nothing(old: Sandbox) -> None:
    with duckdb.connect(str(old.folder / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE store.team_box_scores SET attempt = 99 WHERE team = 'BOS'")
    before = _rows(old, "SELECT * FROM ledger.attempts ORDER BY ALL")

    with pytest.raises(WarehouseError, match=r"not every row of store\.team_box_scores belongs"):
        _migrated(old)

    assert before == _rows(old, "SELECT * FROM ledger.attempts ORDER BY ALL")
    assert _rows(old, "SELECT schema_name, table_name FROM duckdb_tables() "
                      "WHERE table_name IN ('games', 'verdicts', 'migrated')") == [
        ("ledger", "games")
    ]  # fmt: skip
