"""The night of 3 January 2026 cannot happen again: its three shapes through the real chain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from nba_assets.certification import ledger
from nba_assets.certification.ledger import Attempt, Status, Verdict
from nba_assets.definitions import build_defs
from nba_assets.deployment import build_publisher, build_tables, build_warehouse
from nba_assets.rehearsal.incident import CHAIN, GAMES, Night, Shape, prepare, replay
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.dagster_runs import (
    check_results,
    colors,
    failure,
    open_instance,
    run,
)

COMPLETE, HELD, QUARANTINED = Status.COMPLETE, Status.HELD, Status.QUARANTINED
PLAYERS, TEAMS = "player_box_scores", "team_box_scores"
OFFENSE, SUMMARY = "team_offense_game_summary", "player_game_summary"


@dataclass(frozen=True)
class Caught:
    """What becomes of a shape."""

    red: Mapping[str, Status]
    figures: tuple[int, int, float]
    """expected and actual records of the watched table, and completeness"""
    games: slice
    """the games of the night that are named"""
    checks: Mapping[str, str]
    """by table, a check that failed"""
    says: str


CAUGHT = {
    "dead_source": Caught(
        {PLAYERS: HELD, TEAMS: HELD, OFFENSE: HELD, SUMMARY: HELD},
        (16, 2, 12.5),
        slice(1, GAMES),
        {PLAYERS: "row_counts", TEAMS: "row_counts", OFFENSE: "row_counts"},
        "0 of 2 expected records",
    ),
    "reversed_key": Caught(
        {SUMMARY: QUARANTINED},
        (272, 272, 50.0),
        slice(0, GAMES, 2),
        {SUMMARY: "usage_rate_coverage"},
        "usage_rate_coverage in",
    ),
    "partial_rows": Caught(
        {PLAYERS: HELD, TEAMS: QUARANTINED, OFFENSE: HELD, SUMMARY: HELD},
        (16, 12, 75.0),
        slice(GAMES - 2, GAMES),
        {PLAYERS: "row_counts", TEAMS: "reconciliation", OFFENSE: "row_counts"},
        "team_minutes in",
    ),
}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return prepare(tmp_path_factory.mktemp("night"))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path / "dagster") as opened:
        yield opened


def named(night: Night, name: str) -> Shape:
    return next(shape for shape in night.shapes if shape.name == name)


def latest(settings: Settings, table: str, day: date) -> Attempt:
    with build_warehouse(settings).reading() as engine:
        return ledger.latest(engine, [table], day, day)[table, day]


def visible(settings: Settings, day: date) -> dict[str, list[dict[str, object]]]:
    """What readers see of a date in every table of the chain."""
    tables = build_tables(settings)
    with build_warehouse(settings).reading() as engine:
        return {
            name: engine.query(
                f"SELECT * FROM {name} WHERE game_date = DATE '{day}' "
                f"ORDER BY {', '.join(tables[name].contract.grain)}"
            ).to_pylist()
            for name in CHAIN
        }


def held_games(settings: Settings, table: str, day: date) -> set[str]:
    with build_warehouse(settings).reading() as engine:
        games = ledger.verdicts(engine, [table], day, day)
    return {game.game_id for game in games if game.verdict is Verdict.HELD}


def test_it_is_a_night_of_eight_games_and_every_shape_has_a_verdict_here(night: Night) -> None:
    assert len(night.games) == len(set(night.games)) == GAMES == 8
    assert [shape.name for shape in night.shapes] == list(CAUGHT)


@pytest.mark.parametrize("name", CAUGHT)
def test_a_shape_is_red_named_refused_downstream_and_repaired(
    name: str, night: Night, instance: dg.DagsterInstance
) -> None:
    shape, caught, day = named(night, name), CAUGHT[name], night.day
    settings = night.store(f"test_{name}")
    healthy = build_defs(settings, source=night.league)
    broken = build_defs(settings, tables=shape.tables(settings), source=night.faulty(shape))
    before = visible(settings, day)
    games = set(night.games[caught.games])

    # The run fails and says of what; good tables are green, the others red.
    result = run(broken, instance, CHAIN, day)
    assert not result.success
    assert instance.get_run_by_id(result.run_id).status is dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]
    said = failure(result)
    assert caught.says in said
    assert all(table in said for table in caught.red), "as a cause, or as what waits for one"
    assert all(status.value in said for status in caught.red.values())
    assert all(game in said for game in games)
    assert "None" not in said
    for table in CHAIN:
        status = caught.red.get(table, COMPLETE)
        assert latest(settings, table, day).status is status
        color = "FAILED" if table in caught.red else "MATERIALIZED"
        assert colors(instance, table, [day]) == {day: color}
        counted = check_results(instance, table, "row_counts", [day])
        assert counted == {day: "FAILED" if table in caught.red else "SUCCEEDED"}
    for table, check in caught.checks.items():
        assert check_results(instance, table, check, [day]) == {day: "FAILED"}

    # The ledger has the figures and the games.
    attempt = latest(settings, shape.watched, day)
    recorded = (attempt.expected_records, attempt.actual_records, attempt.completeness)
    assert recorded == caught.figures
    assert held_games(settings, shape.watched, day) == games
    checkpoint = attempt.checkpoint()
    assert checkpoint["status"] == "failed"
    assert checkpoint["validation_passed"] is False

    # Nothing was published: readers see the version of before.
    assert visible(settings, day) == before
    assert len(before[TEAMS]) == len(before[OFFENSE]) == 2 * GAMES

    # A dependent in a run of its own refuses, and says what it waits for.
    alone = run(broken, instance, [shape.dependent], shape.dependent_day)
    assert not alone.success
    refused = latest(settings, shape.dependent, shape.dependent_day)
    assert not alone.success
    assert refused.status is HELD
    assert "waits for" in failure(alone)
    assert any(game in failure(alone) for game in games)
    assert colors(instance, shape.dependent, [shape.dependent_day]) == {
        shape.dependent_day: "FAILED"
    }

    # The same run with healthy inputs repairs it, and then what depends on it.
    assert run(healthy, instance, CHAIN, day).success
    if shape.dependent not in CHAIN:
        assert run(healthy, instance, [shape.dependent], shape.dependent_day).success
    for table in CHAIN:
        assert colors(instance, table, [day]) == {day: "MATERIALIZED"}
        assert check_results(instance, table, "row_counts", [day]) == {day: "SUCCEEDED"}
    assert visible(settings, day) == before
    assert latest(settings, shape.dependent, shape.dependent_day).validation_passed


@pytest.mark.parametrize("name", CAUGHT)
def test_on_a_date_without_a_previous_version_readers_see_nothing(name: str, night: Night) -> None:
    shape, caught, day = named(night, name), CAUGHT[name], night.day
    settings = night.store(f"test_{name}_fresh", fresh=True)
    publisher = build_publisher(
        settings, "a run", tables=shape.tables(settings), source=night.faulty(shape)
    )
    for table in CHAIN:
        (attempt,) = publisher.build(table, [day])
        assert attempt.status is caught.red.get(table, COMPLETE)
    seen = visible(settings, day)
    assert {table: len(seen[table]) for table in caught.red} == dict.fromkeys(caught.red, 0)


def test_the_replay_tells_what_was_caught_and_what_was_not(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = Shape("harmless", "Nothing is wrong", (), OFFENSE, SUMMARY, night.day)
    monkeypatch.setattr(Night, "shapes", (named(night, "dead_source"), harmless))
    shown = StringIO()
    assert not replay(Console(file=shown, width=120), night)
    caught, missed = shown.getvalue().split("2. Nothing is wrong")
    assert "1. The team source is dead and its fallback has 2 of 16 teams" in caught
    assert "✗" not in caught
    for line in (
        "Delivered      team_box_scores 0 rows of 16, player_box_scores 34 rows of 272",
        "The run        failed",
        "team_offense_game_summary is HELD: 2 of 16 records, 12.5 % complete",
        f"7 games: {night.games[1]}",
        "16 rows, the version certified before",
        "0 rows: nothing was certified before",
        f"player_game_summary {night.day} is HELD for 7 games: {night.games[1]}",
        "team_offense_game_summary is COMPLETE with 16 of 16",
    ):
        assert line in caught
    assert "✗ The run        succeeded" in missed
    assert "Not as promised: Nothing is wrong: the run" in missed
