"""A vacuum removes what was superseded for long, and nothing that is current."""

from datetime import timedelta
from typing import Any

import pytest

from nba_assets.certification.certified import miscounted
from nba_assets.certification.vacuum import Dead, dead, horizon, remove
from nba_assets.errors import WarehouseError
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

DAY = SLATES[8]
TABLE = "player_box_scores"


def _correct(deployment: Sandbox) -> None:
    game = deployment.league.games(DAY)[0]
    player = deployment.league.rows(TABLE, game, status="PLAYED")[0]["player_id"]
    deployment.league.correct(game, player)
    deployment.build_all()


def _vacuum(deployment: Sandbox, keep: timedelta = timedelta(0), *, now: bool = True) -> Dead:
    with deployment.warehouse.writing() as engine:
        found = dead(engine, [t.contract for t in deployment.tables.values()], keep)
        if now:
            remove(engine, found)
    return found


def _everything(deployment: Sandbox) -> dict[str, list[dict[str, Any]]]:
    """What readers see, and what is in force."""
    seen = {
        name: deployment.query(f"SELECT * FROM {name} ORDER BY {', '.join(table.contract.grain)}")
        for name, table in deployment.tables.items()
    }
    with deployment.warehouse.reading() as engine:
        tables = tuple(deployment.tables)
        assert miscounted(engine, tables, SEASON_START, LAST) == {}
    return seen | {
        f"verdicts of {name}": sorted(
            (game.as_row(0) for game in deployment.verdicts(name, DAY).values()),
            key=lambda row: str(row["game_id"]),
        )
        for name in tables
    }


def test_superseded_versions_go_and_current_ones_stay(built: Sandbox) -> None:
    old = built.attempt(TABLE, DAY)
    _correct(built)
    _correct(built)
    before = _everything(built)

    found = _vacuum(built, now=False)
    assert found.versions[TABLE] == 2
    assert found.rows[TABLE] == 2 * old.stored_rows
    assert found.verdicts > 0
    assert before == _everything(built), "a dry run removes nothing"
    assert built.query("SELECT COUNT(*) AS n FROM ledger.vacuums") == [{"n": 0}]

    _vacuum(built)

    assert before == _everything(built)
    (row,) = built.query(f"SELECT COUNT(DISTINCT publication) AS n FROM store.{TABLE} "
                         f"WHERE game_date = DATE '{DAY}'")  # fmt: skip
    assert row == {"n": 1}
    again = _vacuum(built, now=False)
    assert (again.versions, again.verdicts) == ({}, 0)
    with pytest.raises(WarehouseError, match="0 of the 72 rows"):
        built.publisher().restore(TABLE, DAY, old.publication, "no", "x")


def test_what_was_superseded_lately_stays(built: Sandbox) -> None:
    _correct(built)

    found = _vacuum(built, timedelta(days=1))

    assert (found.versions, found.verdicts) == ({}, 0)
    assert built.query(f"SELECT COUNT(DISTINCT publication) AS n FROM store.{TABLE} "
                       f"WHERE game_date = DATE '{DAY}'") == [{"n": 2}]  # fmt: skip


def test_rows_a_held_date_keeps_stay(built: Sandbox) -> None:
    """Their record is not the latest one."""
    built.league.drop(TABLE, built.league.games(DAY)[0])
    built.build(TABLE, DAY)
    before = _everything(built)

    _vacuum(built)

    assert before == _everything(built)


def test_nothing_is_read_as_of_what_a_vacuum_removed(built: Sandbox) -> None:
    name = "player_features"
    old = built.attempt(name, DAY)
    game = built.league.games(SLATES[1])[0]
    player = built.league.rows(TABLE, game, status="PLAYED")[0]["player_id"]
    built.league.correct(game, player)
    built.build_all()

    _vacuum(built)

    with built.warehouse.reading() as engine:
        line = horizon(engine)
    assert line > old.publication
    with pytest.raises(WarehouseError, match=f"the warehouse has {line} "):
        built.publisher().reproduce(name, DAY)
