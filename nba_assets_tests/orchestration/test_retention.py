"""What is old can go; what it told of partitions and checks stays."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import dagster as dg

from nba_assets.definitions import build_defs
from nba_assets.orchestration.partitions import game_date_partitions
from nba_assets.orchestration.retention import Old, old, remove_old
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.dagster_runs import (
    check_results,
    colors,
    open_instance,
    run,
)
from nba_assets_tests.tiny_league import OPENER, SEASON_START, TinyLeague

TABLES = ("schedule", "team_box_scores")
DAYS = [SEASON_START, OPENER]
NOW = timedelta(0)


def test_a_run_log_goes_and_the_picture_stays(tmp_path: Path) -> None:
    definitions = build_defs(Settings(data_dir=tmp_path / "data"), source=TinyLeague())
    with open_instance(tmp_path / "home") as instance:

        def picture() -> list[object]:
            return [
                colors(instance, "team_box_scores", DAYS),
                check_results(instance, "team_box_scores", "row_counts", DAYS),
                [r.storage_id for r in instance.fetch_materializations(
                    dg.AssetKey("team_box_scores"), limit=10).records],
            ]  # fmt: skip

        result = run(definitions, instance, TABLES, SEASON_START, OPENER)
        before = picture()
        assert len(instance.all_logs(result.run_id)) > 10
        assert old(instance, timedelta(days=1)) == Old({}, 0)
        found = old(instance, NOW)
        assert list(found.run_logs) == [result.run_id]
        assert found.run_logs[result.run_id] > 100_000
        remove_old(instance, NOW)

        assert old(instance, NOW) == Old({}, 0)
        assert picture() == before
        assert instance.all_logs(result.run_id) == [], "asked for, it is empty and no error"
        assert instance.get_run_by_id(result.run_id) is not None
        run(definitions, instance, TABLES, SEASON_START, OPENER)
        assert picture()[:2] == before[:2]


def test_superseded_check_results_go_and_the_state_of_every_check_stays(tmp_path: Path) -> None:
    league = TinyLeague()
    definitions = build_defs(Settings(data_dir=tmp_path / "data"), source=league)
    chain = definitions.resolve_asset_graph()
    dates = game_date_partitions(SEASON_START)
    keys = [(key, dates) for key in chain.asset_check_keys if key.asset_key.path[-1] in TABLES]
    home = tmp_path / "home"
    with open_instance(home) as instance:

        def picture() -> list[object]:
            return [
                instance.event_log_storage.get_asset_check_state(keys),
                check_results(instance, "team_box_scores", "row_counts", DAYS),
                colors(instance, "team_box_scores", DAYS),
            ]

        run(definitions, instance, TABLES, SEASON_START, OPENER)
        assert old(instance, NOW).check_results == 0
        league.drop("team_box_scores", league.games(OPENER)[0])
        run(definitions, instance, TABLES, OPENER)
        checks = [key for key, _ in keys if key.name != "season_usage_rate"]
        assert old(instance, NOW).check_results == len(checks)
        before = picture()
        size = (home / "history" / "runs" / "index.db").stat().st_size
        remove_old(instance, NOW)

        assert picture() == before
        assert old(instance, NOW).check_results == 0
        file = sqlite3.connect(home / "history" / "runs" / "index.db")
        (events,) = file.execute(
            "SELECT COUNT(*) FROM event_logs WHERE dagster_event_type LIKE 'ASSET_CHECK%'"
        ).fetchone()
        assert events == len(checks) * ((OPENER - SEASON_START).days + 1)
        assert (home / "history" / "runs" / "index.db").stat().st_size < size
        file.close()
        run(definitions, instance, TABLES, SEASON_START, OPENER)


def test_a_run_that_has_not_ended_keeps_its_log(tmp_path: Path) -> None:
    @dg.job
    def nothing() -> None:
        """Do nothing."""

    with open_instance(tmp_path / "home") as instance:
        started = instance.create_run_for_job(nothing)
        instance.report_engine_event("it has begun", started)
        assert old(instance, NOW) == Old({}, 0)


def test_another_storage_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert old(instance, NOW) == Old({}, 0)
        remove_old(instance, NOW)
