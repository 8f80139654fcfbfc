"""An export is the whole warehouse: readable by itself, and made into one again."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from nba_assets.certification.backup import MANIFEST, Export, bring_in, export
from nba_assets.errors import WarehouseError
from nba_assets.operations.plan import standing
from nba_assets.seasons import game_dates
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

DAY = SLATES[8]
TABLE = "player_box_scores"


def _exported(deployment: Sandbox, folder: Path, as_of: int | None = None) -> Export:
    contracts = [table.contract for table in deployment.tables.values()]
    with deployment.warehouse.reading() as engine:
        return export(engine, contracts, folder, deployment.folder / "models", as_of)


def _imported(folder: Path, into: Path) -> Sandbox:
    deployment = Sandbox(into)
    deployment.publisher()
    contracts = [table.contract for table in deployment.tables.values()]
    with deployment.warehouse.writing() as engine:
        bring_in(engine, contracts, folder, into / "models")
    return deployment


def _seen(deployment: Sandbox, name: str) -> list[dict[str, Any]]:
    grain = ", ".join(deployment.tables[name].contract.grain)
    return deployment.query(f"SELECT * FROM {name} ORDER BY {grain}")


def _needs(deployment: Sandbox) -> set[tuple[object, ...]]:
    dates = list(game_dates(SEASON_START, LAST))
    with deployment.warehouse.reading() as engine:
        now = standing(engine, deployment.tables, dates, deployment.league.name, deep=True)
    return {(n.table_name, n.game_date, n.reason, n.detail) for n in now.needs.values()}


def _correct(deployment: Sandbox) -> None:
    game = deployment.league.games(DAY)[1]
    player = deployment.league.rows(TABLE, game, status="PLAYED")[0]["player_id"]
    deployment.league.correct(game, player)
    deployment.build_all()


def test_an_import_is_the_warehouse_again(built: Sandbox, tmp_path: Path) -> None:
    # A held date with a version that is kept, and one with games out of readers' sight.
    built.league.drop("team_box_scores", built.league.games(DAY)[0])
    built.build_all(DAY, DAY)

    made = _exported(built, tmp_path / "export")
    again = _imported(tmp_path / "export", tmp_path / "again")

    for name in built.tables:
        assert _seen(built, name) == _seen(again, name), name
        assert made.rows[name] == len(_seen(built, name))
        assert built.attempts(name) == again.attempts(name)
        assert built.verdicts(name, DAY) == again.verdicts(name, DAY)
    assert _needs(built) == _needs(again)
    assert any(name == "team_box_scores" for name, *_ in _needs(again))
    again.league = built.league.copy()
    _correct(again)
    assert again.attempt(TABLE, DAY).attempt == built.attempt(TABLE, DAY).attempt + 1


def test_the_tables_are_what_readers_see(built: Sandbox, tmp_path: Path) -> None:
    _exported(built, tmp_path / "export")

    file = tmp_path / "export" / "tables" / "player_game_summary.parquet"
    rows = pq.read_table(file)
    assert rows.drop_columns("publication").to_pylist() == _seen(built, "player_game_summary")


def test_an_export_as_of_an_earlier_publication_is_what_was_there(
    built: Sandbox, tmp_path: Path
) -> None:
    before = {name: _seen(built, name) for name in built.tables}
    number = built.attempt("player_points_evaluation", LAST).publication
    _correct(built)
    assert before[TABLE] != _seen(built, TABLE)

    _exported(built, tmp_path / "export", number)
    again = _imported(tmp_path / "export", tmp_path / "again")

    assert before == {name: _seen(again, name) for name in again.tables}
    with pytest.raises(WarehouseError, match="nothing can be read as of"):
        _exported(built, tmp_path / "future", 10_000)


def test_an_export_never_mixes_with_another(built: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "precious.txt").write_text("mine")

    with pytest.raises(WarehouseError, match="not empty"):
        _exported(built, tmp_path / "export")

    assert [file.name for file in (tmp_path / "export").iterdir()] == ["precious.txt"]


def test_only_an_empty_warehouse_takes_an_export(built: Sandbox, tmp_path: Path) -> None:
    _exported(built, tmp_path / "export")
    contracts = [table.contract for table in built.tables.values()]

    with (
        built.warehouse.writing() as engine,
        pytest.raises(WarehouseError, match="the warehouse is not empty"),
    ):
        bring_in(engine, contracts, tmp_path / "export", tmp_path / "models")


def _lose_a_row(folder: Path) -> None:
    file = folder / "tables" / f"{TABLE}.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)


def _change_a_value(folder: Path) -> None:
    file = folder / "tables" / f"{TABLE}.parquet"
    rows = pq.read_table(file)
    names = rows["player_name"].to_pylist()
    column = rows.schema.get_field_index("player_name")
    pq.write_table(rows.set_column(column, "player_name", [["nobody", *names[1:]]]), file)


def _lose_a_file(folder: Path) -> None:
    (folder / "ledger" / "verdicts.parquet").unlink()


def _cut_a_file(folder: Path) -> None:
    file = folder / "tables" / f"{TABLE}.parquet"
    file.write_bytes(file.read_bytes()[:-100])


def _interrupt(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def _another_schema(folder: Path) -> None:
    file = folder / MANIFEST
    file.write_text(file.read_text().replace('"schema_version": 2', '"schema_version": 3'))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_lose_a_row, "does not hold the rows its ledger vouches for"),
        (_change_a_value, "does not hold the rows its ledger vouches for"),
        (_lose_a_file, "cannot be read"),
        (_cut_a_file, "cannot be read"),
        (_interrupt, "no finished export"),
        (_another_schema, "schema version 3"),
    ],
)
def test_a_damaged_export_is_refused_and_leaves_nothing(
    built: Sandbox, tmp_path: Path, damage: Any, told: str
) -> None:
    _exported(built, tmp_path / "export")
    damage(tmp_path / "export")

    with pytest.raises(WarehouseError, match=told):
        _imported(tmp_path / "export", tmp_path / "again")

    again = Sandbox(tmp_path / "again")
    assert again.query("SELECT COUNT(*) AS n FROM ledger.attempts") == [{"n": 0}]
    assert again.query(f"SELECT COUNT(*) AS n FROM store.{TABLE}") == [{"n": 0}]
