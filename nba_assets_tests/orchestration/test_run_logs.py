"""Old run logs can go; what they told of partitions and checks stays."""

from datetime import timedelta
from pathlib import Path

import dagster as dg

from nba_assets.definitions import build_defs
from nba_assets.orchestration.run_logs import old_run_logs, remove_run_logs
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
        assert old_run_logs(instance, timedelta(days=1)) == {}
        sizes = old_run_logs(instance, timedelta(0))
        assert list(sizes) == [result.run_id]
        assert sizes[result.run_id] > 100_000
        remove_run_logs(instance, sizes)

        assert old_run_logs(instance, timedelta(0)) == {}
        assert picture() == before
        assert instance.all_logs(result.run_id) == [], "asked for, it is empty and no error"
        assert instance.get_run_by_id(result.run_id) is not None
        run(definitions, instance, TABLES, SEASON_START, OPENER)
        assert picture()[:2] == before[:2]


def test_a_run_that_has_not_ended_keeps_its_log(tmp_path: Path) -> None:
    @dg.job
    def nothing() -> None:
        """Do nothing."""

    with open_instance(tmp_path / "home") as instance:
        started = instance.create_run_for_job(nothing)
        instance.report_engine_event("it has begun", started)
        assert old_run_logs(instance, timedelta(0)) == {}


def test_another_storage_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert old_run_logs(instance, timedelta(0)) == {}
        remove_run_logs(instance, ["any"])
