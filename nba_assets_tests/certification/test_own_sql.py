"""Every statement the package runs is GoogleSQL that the engines agree on, not only the assets'."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nba_assets.certification import backup, vacuum
from nba_assets.engines.duckdb_file import DuckDBEngine
from nba_assets.engines.googlesql import lint_own
from nba_assets.operations import evaluation, model_report, report
from nba_assets.operations.plan import standing
from nba_assets.seasons import game_dates
from nba_assets.sources.source import Refused
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

DAY = SLATES[8]
TABLE = "player_box_scores"

Statements = dict[tuple[str, tuple[tuple[str, str], ...]], None]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """What is run from here on."""
    found: Statements = {}
    run = DuckDBEngine._run

    def seen(self: DuckDBEngine, sql: str, relations: Mapping[str, str] | None) -> Any:
        found[sql, tuple(sorted((relations or {}).items()))] = None
        return run(self, sql, relations)

    monkeypatch.setattr(DuckDBEngine, "_run", seen)
    return found


def test_every_statement_of_a_season_is_one_that_the_engines_agree_on(
    statements: Statements, tmp_path: Path
) -> None:
    """Built, corrected, rejected, waived, restored, looked at, exported, vacuumed."""
    deployment = Sandbox(tmp_path / "data")
    league = deployment.league
    deployment.build_all()
    old = deployment.attempt(TABLE, DAY)
    first, second, third = league.games(DAY)
    league.correct(first, league.rows(TABLE, first, status="PLAYED")[0]["player_id"])
    deployment.build_all()
    deployment.publisher().restore(TABLE, DAY, old.publication, "wrong", "x")
    league.patch(TABLE, second, {"reb": 99}, starter=True)
    league.refused[TABLE].append(Refused(DAY, third, "torn", "{}"))
    league.drop("team_box_scores", second)
    deployment.build_all()
    deployment.waive(TABLE, second)
    built = deployment.build_all()
    publisher = deployment.publisher()
    for attempts in built.values():
        publisher.highlights(attempts[-15:])
    deployment.publisher().differing(TABLE, [DAY])
    deployment.publisher().reproduce("player_features", LAST)
    contracts = [table.contract for table in deployment.tables.values()]
    dates = list(game_dates(SEASON_START, LAST))
    with deployment.warehouse.reading() as engine:
        now = standing(engine, deployment.tables, dates, league.name, deep=True)
        report.coverage(engine, deployment.tables, dates)
        report.prediction_errors(engine, deployment.tables, dates)
        report.weekly_errors(engine, deployment.tables, dates)
        model_report._fans(engine, deployment.tables, dates)
        model_report.tenths(engine, deployment.tables, dates)
        report.rejected(engine, now, closed=True)
        report.rejected_rows(engine, TABLE, DAY)
        backup.export(engine, contracts, tmp_path / "export", deployment.folder / "models")
    with deployment.warehouse.writing() as engine:
        evaluation.evaluate(engine, deployment.tables, SEASON_START, LAST)
        evaluation.evaluate(engine, deployment.tables, SEASON_START, LAST, as_told=True)
        vacuum.remove(engine, vacuum.dead(engine, contracts, timedelta(0)))
    again = Sandbox(tmp_path / "again")
    again.publisher()
    with again.warehouse.writing() as engine:
        backup.bring_in(engine, contracts, tmp_path / "export", again.folder / "models")

    own = [sql for sql in statements if "FROM loaded_rows" not in sql[0]]
    assert len(own) > 300
    for sql, relations in own:
        lint_own(sql, dict(relations))
