"""What Dagster knows after a run: certified dates green with their figures, the others red."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from nba_assets.definitions import build_defs
from nba_assets.deployment import build_warehouse
from nba_assets.orchestration.launch import QUIET
from nba_assets.rehearsal.faults import FaultySource, MissingGames
from nba_assets.seasons import game_dates
from nba_assets.settings import Settings
from nba_assets.sources.source import Source
from nba_assets_tests.orchestration.dagster_runs import (
    check_results,
    colors,
    failure,
    open_instance,
    run,
)
from nba_assets_tests.tiny_league import OPENER, SEASON_START, TinyLeague

ROOT = Path(__file__).parents[2]
FIRST, BAD, LAST = date(2025, 10, 17), date(2025, 10, 19), date(2025, 10, 22)
EMPTY = date(2025, 10, 18), date(2025, 10, 22)
DATES = tuple(game_dates(FIRST, LAST))
GOOD = tuple(day for day in DATES if day != BAD)
TABLES = (
    "schedule",
    "player_box_scores",
    "team_box_scores",
    "team_offense_game_summary",
    "player_game_summary",
)
LEAGUE = TinyLeague()
ONE_GAME_OF_THREE = FaultySource(LEAGUE, [MissingGames(dates=[BAD])])


@dataclass(frozen=True)
class Place:
    """A deployment and its instance, in a folder."""

    settings: Settings
    instance: dg.DagsterInstance

    def definitions(self, source: Source = LEAGUE) -> dg.Definitions:
        """The definitions of the deployment, on a source."""
        return build_defs(self.settings, source=source)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with open_instance(tmp_path / "dagster") as instance:
        yield Place(Settings(data_dir=tmp_path / "data"), instance)


@pytest.fixture(scope="module")
def after_a_bad_date(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Place, dg.ExecuteInProcessResult]]:
    """A range run in which one date lacks two of its three games."""
    folder = tmp_path_factory.mktemp("bad_date")
    with open_instance(folder / "dagster") as instance:
        place = Place(Settings(data_dir=folder / "data"), instance)
        yield place, run(place.definitions(ONE_GAME_OF_THREE), instance, TABLES, FIRST, LAST)


Scene = tuple[Place, dg.ExecuteInProcessResult]


def records(instance: dg.DagsterInstance, table: str) -> dict[date, Any]:
    found = instance.fetch_materializations(dg.AssetKey(table), limit=100).records
    return {date.fromisoformat(str(record.partition_key)): record for record in found}


def metadata(record: Any) -> dict[str, Any]:
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_every_certified_date_is_materialized_and_only_those(after_a_bad_date: Scene) -> None:
    place, _ = after_a_bad_date
    green = dict.fromkeys(GOOD, "MATERIALIZED")
    for table in TABLES[1:]:
        assert colors(place.instance, table, DATES) == {**green, BAD: "FAILED"}
        assert set(records(place.instance, table)) == set(GOOD)
    assert colors(place.instance, "schedule", DATES) == {**green, BAD: "MATERIALIZED"}


def test_a_materialization_carries_the_figures_of_the_ledger(after_a_bad_date: Scene) -> None:
    place, _ = after_a_bad_date
    record = records(place.instance, "team_offense_game_summary")[FIRST]
    told = metadata(record)
    assert told == {
        "games": 3,
        "games_certified": 3,
        "reconstructed_teams": 0.0,
        "dagster/partition_row_count": 6,
        "status": "COMPLETE",
        "attempt": 1,
        "expected_records": 6,
        "actual_records": 6,
        "completeness": 100.0,
    }
    tags = record.asset_materialization.tags
    assert len(tags["dagster/data_version"]) == 32
    assert tags["dagster/code_version"]


def test_a_materialization_shows_the_first_rows_of_its_date(after_a_bad_date: Scene) -> None:
    place, _ = after_a_bad_date
    record = records(place.instance, "player_game_summary")[FIRST]
    shown = [one.data for one in metadata(record)["most points"].records]
    played = [
        row
        for game in LEAGUE.games(FIRST)
        for row in LEAGUE.rows("player_box_scores", game, status="PLAYED")
    ]
    assert len(shown) == 10
    assert [one["pts"] for one in shown] == sorted(row["pts"] for row in played)[:-11:-1]
    assert 0 < shown[0]["usage_rate"] < 100
    assert "most points" not in metadata(records(place.instance, "player_box_scores")[FIRST])


def test_dates_without_games_are_green_and_say_that_they_are_empty(
    after_a_bad_date: Scene,
) -> None:
    place, _ = after_a_bad_date
    for table in TABLES:
        found = records(place.instance, table)
        assert [metadata(found[day])["status"] for day in EMPTY] == ["EMPTY_OK"] * 2
        assert [metadata(found[day])["dagster/partition_row_count"] for day in EMPTY] == [0, 0]


def test_the_run_fails_and_names_tables_dates_and_games(after_a_bad_date: Scene) -> None:
    _, result = after_a_bad_date
    assert not result.success
    said = failure(result)
    assert said.startswith(
        f"1 of the selected dates not certified in every selected table, {BAD} (4 HELD); "
    )
    assert said.endswith("\nwaiting for these: team_offense_game_summary 1, player_game_summary 1")
    (line,) = (text for text in said.splitlines() if text.startswith("team_box_scores"))
    found, missing = LEAGUE.games(BAD)[:1], LEAGUE.games(BAD)[1:]
    assert re.findall(r"\d{10}", line) == missing
    assert found[0] not in said
    assert not any(str(day) in said for day in GOOD)
    (event,) = result.get_step_failure_events()
    raised = event.step_failure_data.user_failure_data
    assert raised is not None
    assert raised.metadata["held_dates"].value == [BAD.isoformat()]


def test_the_list_of_runs_says_dates_and_what_was_not_certified(after_a_bad_date: Scene) -> None:
    place, result = after_a_bad_date
    run_ = place.instance.get_run_by_id(result.run_id)
    assert run_ is not None
    assert run_.tags["dates"] == f"{FIRST} … {LAST}"
    assert run_.tags["not certified"] == "4 HELD"


def test_checks_are_recorded_date_by_date_and_aim_at_the_materialization(
    after_a_bad_date: Scene,
) -> None:
    place, _ = after_a_bad_date
    table, passed = "team_box_scores", dict.fromkeys(GOOD, "SUCCEEDED")
    assert check_results(place.instance, table, "row_counts", DATES) == {**passed, BAD: "FAILED"}
    assert check_results(place.instance, table, "contract", DATES) == {**passed, BAD: "SUCCEEDED"}
    key = dg.AssetCheckKey(dg.AssetKey(table), "row_counts")
    for info in place.instance.event_log_storage.get_asset_check_partition_info([key]):
        day = date.fromisoformat(str(info.partition_key))
        stored = records(place.instance, table)[day].storage_id if day != BAD else None
        assert info.latest_target_materialization_storage_id == stored


def test_a_failed_check_tells_what_it_found(after_a_bad_date: Scene) -> None:
    place, _ = after_a_bad_date
    key = dg.AssetCheckKey(dg.AssetKey("team_box_scores"), "row_counts")
    history = place.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    (evaluation,) = [
        record.event.dagster_event.asset_check_evaluation_data
        for record in history
        if record.partition == BAD.isoformat() and record.event and record.event.dagster_event
    ]
    assert not evaluation.passed
    figures = {name: value.value for name, value in evaluation.metadata.items()}
    assert (figures["expected"], figures["actual"], figures["games"]) == (6, 2, 3)
    assert all(game in str(figures["found"]) for game in LEAGUE.games(BAD)[1:])
    assert (evaluation.description or "").startswith(f"{BAD}: missing in {LEAGUE.games(BAD)[1]}")


def test_repairing_the_one_partition_turns_it_green(place: Place) -> None:
    assert not run(place.definitions(ONE_GAME_OF_THREE), place.instance, TABLES, BAD).success
    assert colors(place.instance, "player_game_summary", [BAD]) == {BAD: "FAILED"}
    assert run(place.definitions(), place.instance, TABLES, BAD).success
    for table in TABLES:
        assert colors(place.instance, table, [BAD]) == {BAD: "MATERIALIZED"}
        assert check_results(place.instance, table, "row_counts", [BAD]) == {BAD: "SUCCEEDED"}


def test_a_subset_of_assets_and_of_checks_leaves_the_rest_alone(place: Place) -> None:
    assets = dg.AssetSelection.assets("schedule", "team_box_scores")
    unchecked = dg.AssetSelection.checks_for_assets("schedule")
    contract = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("schedule"), "contract"))
    selection = (assets - unchecked) | contract
    assert run(place.definitions(), place.instance, selection, FIRST, BAD).success
    for table in TABLES:
        built = {"schedule", "team_box_scores"}
        assert bool(records(place.instance, table)) is (table in built)
    green = dict.fromkeys(game_dates(FIRST, BAD), "SUCCEEDED")
    days = list(green)
    assert check_results(place.instance, "schedule", "contract", days) == green
    assert check_results(place.instance, "schedule", "row_counts", days) == {}
    assert check_results(place.instance, "team_box_scores", "row_counts", days) == green


def test_a_check_run_alone_repeats_the_ledger_and_never_passes_on_nothing(place: Place) -> None:
    row_counts = dg.AssetSelection.checks(
        dg.AssetCheckKey(dg.AssetKey("player_box_scores"), "row_counts")
    )
    definitions = place.definitions(ONE_GAME_OF_THREE)
    before = run(definitions, place.instance, row_counts, FIRST)
    run(definitions, place.instance, TABLES, FIRST, LAST)
    good = run(definitions, place.instance, row_counts, FIRST)
    bad = run(definitions, place.instance, row_counts, BAD)

    assert not before.success
    assert "was never run" in failure(before)
    assert good.success
    assert not bad.success
    assert f"player_box_scores {BAD} HELD" in failure(bad)
    assert check_results(place.instance, "player_box_scores", "row_counts", (FIRST, BAD)) == {
        FIRST: "SUCCEEDED",
        BAD: "FAILED",
    }


def test_a_dependent_without_its_inputs_is_red_and_says_what_was_never_run(place: Place) -> None:
    result = run(place.definitions(), place.instance, ["team_box_scores"], FIRST)
    assert not result.success
    assert f"schedule {FIRST}" in failure(result)
    assert colors(place.instance, "team_box_scores", [FIRST]) == {FIRST: "FAILED"}


def test_the_first_days_of_a_season_are_green_as_warm_up(place: Place) -> None:
    tables = ("schedule", "player_box_scores", "team_box_scores", "team_offense_game_summary",
              "team_form")  # fmt: skip
    assert run(place.definitions(), place.instance, tables, SEASON_START, OPENER).success
    found = records(place.instance, "team_form")
    states = [metadata(found[day])["status"] for day in game_dates(SEASON_START, OPENER)]
    assert states == ["EMPTY_OK", "EMPTY_OK", "WARMUP"]


TO_FILES = {
    "schedule": ("schedule", {"home_team": "home_team_abbr", "away_team": "away_team_abbr",
                              "home_points": "home_pts", "away_points": "away_pts"}),
    "player_box_scores": ("player_box", {"team": "team_abbr", "opponent": "opponent_abbr"}),
    "team_box_scores": ("team_box", {"team": "team_abbr", "opponent": "opponent_abbr"}),
}  # fmt: skip
"""By raw table, the file it comes from and the columns that are called otherwise there."""


def publish(league: TinyLeague, folder: Path) -> None:
    """Write the league as the folder of the ``files`` source."""
    folder.mkdir()
    for table, (name, renamed) in TO_FILES.items():
        rows = [
            {renamed.get(column, column): value for column, value in row.items()}
            | {"season_type": "Regular Season"}
            for row in league.tables[table]
            if row.get("status") in (None, "FINAL", "PLAYED")
        ]
        for row in rows:
            row.pop("tipoff_at", None)
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}_2025-26.parquet")


@pytest.mark.parametrize(("missing", "code"), [(0, 0), (1, 1)], ids=["good", "bad date"])
def test_the_command_line_exits_with_what_became_of_the_range(
    tmp_path: Path, missing: int, code: int
) -> None:
    league = TinyLeague()
    for game in league.games(BAD)[:missing]:
        league.drop("team_box_scores", game)
    publish(league, tmp_path / "files")
    with open_instance(tmp_path / "home"):
        pass
    command = [sys.executable, "-m", "dagster", "asset", "materialize",
               "-m", "nba_assets.definitions", "--select", "schedule,team_box_scores",
               "--partition-range", f"{FIRST}...{BAD}"]  # fmt: skip
    done = subprocess.run(  # noqa: S603
        command,
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("NBA_")},
            "PYTHONPATH": str(ROOT),
            "DAGSTER_HOME": str(tmp_path / "home"),
            "NBA_ASSETS_SOURCE": "files",
            "NBA_ASSETS_FILES_DIR": str(tmp_path / "files"),
            "NBA_ASSETS_DATA_DIR": str(tmp_path / "data"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr[-4000:]
    told = f"team_box_scores {BAD} HELD: {league.games(BAD)[0]}"
    assert (told in done.stderr + done.stdout) is bool(missing)


def test_the_season_gate_fails_a_run_though_every_date_is_certified(place: Place) -> None:
    assert run(place.definitions(), place.instance, TABLES, FIRST, BAD).success
    with build_warehouse(place.settings).writing() as engine:
        engine.transaction(["UPDATE store.player_game_summary SET usage_rate = NULL WHERE is_home"])
    strict = place.settings.model_copy(update={"usage_rate_coverage_season": 0.9})
    definitions = build_defs(strict, source=LEAGUE)
    result = run(definitions, place.instance, TABLES, date(2025, 10, 18))

    assert not result.success
    assert set(records(place.instance, "player_game_summary")) == set(game_dates(FIRST, BAD))
    (found,) = (e for e in result.get_asset_check_evaluations() if e.partition is None)
    assert (found.check_name, found.passed) == ("season_usage_rate", False)
    assert "usage_rate coverage, 2025-26: 50.00 % of 120 rows" in (found.description or "")
    assert run(place.definitions(), place.instance, TABLES, date(2025, 10, 18)).success


def test_before_any_game_the_season_gate_warns_and_fails_nothing(place: Place) -> None:
    result = run(place.definitions(), place.instance, TABLES, SEASON_START)
    assert result.success
    (found,) = (e for e in result.get_asset_check_evaluations() if e.partition is None)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "nothing to judge by" in (found.description or "")


def test_a_red_date_says_why_and_what_next(after_a_bad_date: Scene) -> None:
    place, _ = after_a_bad_date
    found = place.instance.fetch_observations(dg.AssetKey("team_box_scores"), limit=10).records
    (record,) = found
    assert record.partition_key == str(BAD)
    assert record.asset_observation is not None
    told = {name: value.value for name, value in record.asset_observation.metadata.items()}
    assert (told["status"], told["attempt"], told["readers see"]) == (
        "HELD",
        1,
        "nothing of this date",
    )
    assert (told["expected_records"], told["actual_records"]) == (6, 2)
    for game in LEAGUE.games(BAD)[1:]:
        assert game in str(told["why"])
    assert f"nba-assets repair --from {BAD} --to {BAD}" in str(told["next"])


def test_a_later_attempt_that_fails_is_told_on_the_version_that_stands(place: Place) -> None:
    run(place.definitions(), place.instance, TABLES, FIRST, BAD)
    assert not run(place.definitions(ONE_GAME_OF_THREE), place.instance, TABLES, BAD).success

    instance = place.instance
    (chain,) = (a for a in place.definitions().assets or () if isinstance(a, dg.AssetsDefinition))
    keys = [(s.key, s.partitions_def) for s in chain.check_specs if s.name == "row_counts"]
    states: Any = instance.event_log_storage.get_asset_check_state(keys)
    for key, state in states.items():
        under = {
            status.value
            for status, subset in state.subsets.items()
            if str(BAD) in set(subset.value.get_partition_keys())
        }
        name = key.asset_key.to_user_string()
        if name in TABLES[1:]:
            assert under == {"FAILED"}, f"{name}: not missing"
    (told,) = (
        record.evaluation
        for record in instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("team_box_scores"), "row_counts"), limit=1
        )
    )
    assert told is not None
    assert told.metadata["attempt"].value == "2"
    assert str(told.metadata["readers see"].value).startswith("the COMPLETE version of publication")


def test_a_date_is_unsynced_when_a_version_it_was_made_from_has_changed(place: Place) -> None:
    league = LEAGUE.copy()
    definitions = place.definitions(league)
    days = list(game_dates(FIRST, BAD))
    run(definitions, place.instance, TABLES, FIRST, BAD)

    def stale() -> set[tuple[str, date]]:
        resolver = CachingStaleStatusResolver(
            place.instance,
            definitions.resolve_asset_graph(),
            loading_context=LoadingContextForTest(place.instance),
        )
        return {
            (name, day)
            for name in TABLES
            for day in days
            if resolver.get_status(dg.AssetKey(name), str(day)) is not StaleStatus.FRESH
        }

    assert stale() == set()
    run(definitions, place.instance, TABLES, BAD)
    assert stale() == set(), "made again, the same is the same"
    game = league.games(BAD)[0]
    league.correct(game, league.rows("player_box_scores", game, status="PLAYED")[0]["player_id"])
    run(definitions, place.instance, ("player_box_scores",), BAD)
    assert stale() == {("team_offense_game_summary", BAD), ("player_game_summary", BAD)}
    run(definitions, place.instance, TABLES, BAD)
    assert stale() == set()


@pytest.mark.parametrize(
    "named",
    [
        (date(2025, 7, 15),),
        (date(2010, 1, 1),),
        (date(2199, 1, 1),),
        (date(2025, 9, 20), date(2025, 10, 4)),
        (FIRST, date(2026, 7, 4)),
    ],
)
def test_a_date_that_is_no_partition_is_refused_and_no_other_run_for_it(
    place: Place, named: tuple[date, ...]
) -> None:
    result = run(place.definitions(), place.instance, ("schedule",), *named)
    assert not result.success
    wrong = next(day for day in named if day != FIRST)
    assert failure(result).startswith(f"{wrong} is no partition: there are the dates from")
    assert records(place.instance, "schedule") == {}


def test_all_checks_without_a_date_are_those_of_every_date_there_is(place: Place) -> None:
    """What "execute all" of the checks page launches."""
    definitions = place.definitions()
    run(definitions, place.instance, TABLES, FIRST, BAD)
    result = dg.materialize(
        [a for a in definitions.assets or () if isinstance(a, dg.AssetsDefinition)],
        selection=dg.AssetSelection.checks_for_assets("schedule", "team_box_scores"),
        instance=place.instance,
        run_config=QUIET,
        raise_on_error=False,
    )
    assert result.success
    told = {
        (e.asset_key.to_user_string(), e.partition) for e in result.get_asset_check_evaluations()
    }
    days = {str(day) for day in game_dates(FIRST, BAD)}
    assert told == {(name, day) for name in ("schedule", "team_box_scores") for day in days}


def test_tables_without_a_date_are_not_built(place: Place) -> None:
    result = dg.materialize(
        [a for a in place.definitions().assets or () if isinstance(a, dg.AssetsDefinition)],
        selection=dg.AssetSelection.assets("schedule"),
        instance=place.instance,
        run_config=QUIET,
        raise_on_error=False,
    )
    assert not result.success
    assert failure(result) == "name the dates to build: choose partitions"


def test_games_to_come_are_told_apart_from_what_is_broken(place: Place) -> None:
    league = TinyLeague()
    for game in league.games(BAD):
        league.set_status(game, "SCHEDULED")
    said = failure(run(place.definitions(league), place.instance, TABLES, BAD))
    first, *lines = said.splitlines()
    assert f"{BAD} (4 PENDING); " in first
    (line,) = lines
    assert line == (
        "not broken, but games are still to be played: player_box_scores 1, team_box_scores 1, "
        "team_offense_game_summary 1, player_game_summary 1"
    )
