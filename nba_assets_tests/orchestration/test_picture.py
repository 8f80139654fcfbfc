"""Every way in which Dagster comes to show other than the ledger says is found, and mended."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_assets.definitions import build_defs
from nba_assets.deployment import Deployment
from nba_assets.orchestration.event_log_storage import BulkSqliteEventLogStorage
from nba_assets.orchestration.picture import contradictions, sync
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.dagster_runs import colors, open_instance, run
from nba_assets_tests.tiny_league import OPENER, SEASON_START, Sandbox

TABLES = ("schedule", "team_box_scores")
DAYS = [SEASON_START, date(2025, 10, 2), OPENER]
GREEN, RED = "MATERIALIZED", "FAILED"


@dataclass
class Scene:
    """Two tables built through Dagster; the second one has its last date red."""

    sandbox: Sandbox
    instance: dg.DagsterInstance

    @property
    def deployment(self) -> Deployment:
        settings = Settings(data_dir=self.sandbox.folder, first_date=SEASON_START)
        return Deployment(
            settings, self.sandbox.tables, self.sandbox.league, self.sandbox.warehouse
        )

    def build(self) -> None:
        run(self.definitions(), self.instance, TABLES, SEASON_START, OPENER)

    def definitions(self, on_built: Callable[[object], None] | None = None) -> dg.Definitions:
        chosen = self.deployment
        return build_defs(
            chosen.settings,
            tables=chosen.tables,
            source=chosen.source,
            warehouse=chosen.warehouse,
            on_built=on_built,
        )

    def contradictions(self) -> dict[tuple[str, date], str]:
        return contradictions(self.deployment, self.instance)

    def colors(self) -> dict[str, list[str]]:
        return {t: list(colors(self.instance, t, DAYS).values()) for t in TABLES}


@pytest.fixture
def scene(empty: Sandbox, tmp_path: Path) -> Iterator[Scene]:
    with open_instance(tmp_path / "home") as instance:
        made = Scene(empty, instance)
        empty.league.drop("team_box_scores", empty.league.games(OPENER)[0])
        made.build()
        yield made


SHOWN = {"schedule": [GREEN, GREEN, GREEN], "team_box_scores": [GREEN, GREEN, RED]}


def test_after_a_run_the_two_agree_and_nothing_is_recorded_again(scene: Scene) -> None:
    assert scene.colors() == SHOWN
    assert scene.contradictions() == {}
    runs = scene.instance.get_runs_count()
    assert sync(scene.deployment, scene.instance) == {}
    assert scene.instance.get_runs_count() == runs


def _wiped(scene: Scene) -> None:
    scene.instance.wipe_assets([dg.AssetKey("team_box_scores")])


def _corrected_elsewhere(scene: Scene) -> None:
    league = scene.sandbox.league
    (row,) = league.rows("schedule", game := league.games(OPENER)[1])
    league.patch("schedule", game, {"tipoff_at": row["tipoff_at"] + timedelta(hours=1)})
    scene.sandbox.build("schedule", OPENER)


def _waived_elsewhere(scene: Scene) -> None:
    scene.sandbox.waive("team_box_scores", scene.sandbox.league.games(OPENER)[0])
    scene.sandbox.build("team_box_scores", OPENER)


def _spoilt_elsewhere(scene: Scene) -> None:
    scene.sandbox.league.drop("schedule", scene.sandbox.league.games(OPENER)[0])
    scene.sandbox.build("schedule", OPENER)


def _killed_before_its_checks_were_recorded(scene: Scene) -> None:
    storage = scene.instance.event_log_storage
    assert isinstance(storage, BulkSqliteEventLogStorage)
    with storage.index_connection() as connection:
        connection.exec_driver_sql(
            "DELETE FROM asset_check_executions WHERE asset_key = '[\"schedule\"]' "
            f"AND check_name = 'row_counts' AND partition = '{OPENER}'"
        )


def _lost_the_warehouse(scene: Scene) -> None:
    (scene.sandbox.folder / "warehouse.duckdb").unlink()


@pytest.mark.parametrize(
    ("part", "told", "then"),
    [
        (
            _wiped,
            {
                ("team_box_scores", DAYS[0]): "shown as MISSING, the ledger says EMPTY_OK",
                ("team_box_scores", DAYS[1]): "shown as MISSING, the ledger says EMPTY_OK",
                ("team_box_scores", DAYS[2]): "shown as MISSING, the ledger says HELD",
            },
            SHOWN,
        ),
        (
            _corrected_elsewhere,
            {("schedule", OPENER): "another version is shown than is stored"},
            SHOWN,
        ),
        (
            _waived_elsewhere,
            {("team_box_scores", OPENER): "shown as FAILED, the ledger says WAIVED"},
            {**SHOWN, "team_box_scores": [GREEN, GREEN, GREEN]},
        ),
        (
            _spoilt_elsewhere,
            {("schedule", OPENER): "shown as MATERIALIZED, the ledger says HELD"},
            {**SHOWN, "schedule": [GREEN, GREEN, RED]},
        ),
        (
            _killed_before_its_checks_were_recorded,
            {("schedule", OPENER): "shown with other check results than it has: row_counts"},
            SHOWN,
        ),
        (
            _lost_the_warehouse,
            {
                (table, day): "shown as built, the ledger has no record of it"
                for table in TABLES
                for day in DAYS
                if (table, day) != ("team_box_scores", OPENER)
            },
            {"schedule": [RED, RED, RED], "team_box_scores": [RED, RED, RED]},
        ),
    ],
)
def test_what_parts_them_is_found_and_mended(
    scene: Scene,
    part: Callable[[Scene], None],
    told: dict[tuple[str, date], str],
    then: dict[str, list[str]],
) -> None:
    part(scene)
    there = scene.sandbox.warehouse.exists()
    before = {name: scene.sandbox.attempts(name) if there else {} for name in TABLES}
    assert scene.contradictions() == told
    assert sync(scene.deployment, scene.instance) == told
    assert scene.contradictions() == {}
    assert scene.colors() == then
    assert {name: scene.sandbox.attempts(name) for name in TABLES} == before, "nothing is built"


def test_dates_at_which_a_run_is_at_work_are_not_judged(scene: Scene) -> None:
    found: list[dict[tuple[str, date], str]] = []
    scene.sandbox.waive("team_box_scores", scene.sandbox.league.games(OPENER)[0])
    definitions = scene.definitions(lambda _: found.append(scene.contradictions()))
    run(definitions, scene.instance, TABLES, SEASON_START, OPENER)
    assert found == [{}, {}]
    assert scene.colors()["team_box_scores"] == [GREEN, GREEN, GREEN]
